# What a push survives: an agent's death, its silence, its coming back too late.

load helper

setup_file() {
    start_world "ping-ms: 300" "suspect-ms: 1000"
    start_gate
    start_counting_agent amd64-1
    start_counting_agent spare-1
    world_wait_agents 2
    world_kill spare-1
}

setup() {
    world_load
    cd "$WORLD/source"
    GATE=${REGISTRY%:*}:$(cat "$WORLD/gate/port")
    org=$GATE/demo
    forget_builds
    open_gates
}

teardown() {
    kill -CONT "$(pid_of amd64-1)" 2>/dev/null || true
    open_gates
    forget_builds
}

is_word() {
    lkcoord agents | grep -qE "^$1  $2"
}

# NAME there|silent|away
wait_agent() {
    world_wait "$1 to be $2" 60 is_word "$1" "$2"
}

only_first_agent() {
    world_kill spare-1
    world_is_running amd64-1 || world_agent_again amd64-1
    wait_agent amd64-1 there
}

both_agents() {
    only_first_agent
    world_agent_again spare-1
    wait_agent spare-1 there
}

# [SIGNAL]
die_and_return() {
    world_kill amd64-1 "${1:-KILL}"
    open_gates
    forget_builds
    world_agent_again amd64-1
}

# Leases are so long that only what the returned agent says can move the job.
long_leases() {
    reconfigure "lease-ms: 600000" "permit-ms: 60000"
}

# Longer than an agent takes for its line to be dead (15 pings), as everywhere.
short_leases() {
    reconfigure "lease-ms: 6000" "permit-ms: 60000"
}

# Exercises: an agent's inventory at its return; what it does at its start about an earlier life.
@test "an agent killed during a build: built again, and nothing is left of the first try" {
    long_leases
    only_first_agent
    new_package died-building "arches: [amd64]" <<END
FROM base.lkcoord.example/busybox:1
RUN sleep 4
END
    push_aside --org "$org" died-building
    world_wait "the build" 60 has_builds 1
    sleep 1
    die_and_return
    wait "$client"
    is_right "$org" died-building amd64-1
    wait_clean amd64-1
}

@test "an agent killed while its builder waits: no builder outlives it" {
    long_leases
    only_first_agent
    new_small_package died-waiting "arches: [amd64]"
    make_wait hold amd64-1
    push_aside --org "$org" died-waiting
    world_wait "the build" 60 has_builds 1
    world_kill amd64-1 KILL
    world_agent_again amd64-1
    world_wait "the second try" 60 has_builds 2
    [ "$(pgrep -cf "^/bin/bash $WORLD/builder-amd64-1 ")" -eq 1 ]
    let_go amd64-1
    wait "$client"
    is_right "$org" died-waiting amd64-1
    wait_clean amd64-1
}

# Exercises, here and below: the note of what was built, which the next life goes on with.
@test "an agent killed while it uploads: the next one goes on with what was built" {
    long_leases
    only_first_agent
    new_small_package died-staging "arches: [amd64]"
    close_gate before-PUT-uploads
    push_aside --org "$org" died-staging
    wait_at_gate before-PUT-uploads
    die_and_return
    wait "$client"
    is_right "$org" died-staging amd64-1
    [ "$(count_builds)" -eq 0 ]
    wait_clean amd64-1
}

# Exercises: what BYE says of it.  The other agent is free all the while.
@test "an agent stopped while it uploads: when it is back it goes on with what was built" {
    long_leases
    only_first_agent
    new_small_package stopped-staging "arches: [amd64]"
    close_gate before-PUT-uploads
    push_aside --org "$org" stopped-staging
    wait_at_gate before-PUT-uploads
    world_agent_again spare-1
    wait_agent spare-1 there
    die_and_return TERM
    wait "$client"
    is_right "$org" stopped-staging amd64-1
    [ "$(count_builds)" -eq 0 ]
    wait_clean amd64-1
}

@test "an agent stopped during a build: another one builds it at once" {
    long_leases
    both_agents
    world_kill spare-1
    new_small_package stopped-building "arches: [amd64]"
    make_wait hold amd64-1
    push_aside --org "$org" stopped-building
    world_wait "the build" 60 has_builds 1
    world_agent_again spare-1
    wait_agent spare-1 there
    world_kill amd64-1 TERM
    world_wait "the second try" 60 has_builds 2
    let_go spare-1
    wait "$client"
    is_right "$org" stopped-building spare-1
    world_agent_again amd64-1
    wait_clean amd64-1
}

# The registry has carried out the PUT, whose answer never comes.
@test "an agent killed between its PUT and its report: the next one does but that again" {
    long_leases
    only_first_agent
    new_small_package died-reporting "arches: [amd64]"
    close_gate after-PUT-manifests
    push_aside --org "$org" died-reporting
    wait_at_gate after-PUT-manifests
    die_and_return
    wait "$client"
    is_right "$org" died-reporting amd64-1
    [ "$(count_builds)" -eq 0 ]
    wait_clean amd64-1
}

# Exercises: the look at every blob before one goes on with it.
@test "what was built and is damaged when the agent is back is built again" {
    long_leases
    only_first_agent
    new_small_package damaged "arches: [amd64]"
    close_gate before-PUT-uploads
    push_aside --org "$org" damaged
    wait_at_gate before-PUT-uploads
    world_kill amd64-1 KILL
    blob=$(find "$WORLD/amd64-1/state" -path '*/layout/blobs/*' -type f -size +2k | head -n 1)
    printf x | dd of="$blob" bs=1 seek=100 conv=notrunc status=none
    forget_builds
    open_gates
    world_agent_again amd64-1
    wait "$client"
    is_right "$org" damaged amd64-1
    [ "$(count_builds)" -eq 1 ]
    grep -q 'going on after a restart with what was built' "$WORLD/log/client.err"
    wait_clean amd64-1
}

# Exercises: the same as above, with another agent that takes over at once.
@test "a job that its agent lost goes to another one at once" {
    long_leases
    both_agents
    world_kill spare-1
    new_small_package lost "arches: [amd64]"
    make_wait hold amd64-1
    push_aside --org "$org" lost
    world_wait "the build" 60 has_builds 1
    world_agent_again spare-1
    wait_agent spare-1 there
    world_kill amd64-1 KILL
    sleep 1.5
    [ "$(count_builds)" -eq 1 ]
    # Back, but with its one slot for somebody else: an agent that says it is there without the job.
    world_agent_again amd64-1
    world_wait "the second try" 60 has_builds 2
    let_go amd64-1
    wait "$client"
    is_right "$org" lost
    wait_clean amd64-1
}

# Exercises: suspicion.  Afterwards the other agent, which came later, does the work.
@test "a silent agent gets no new jobs" {
    short_leases
    only_first_agent
    new_small_package avoided "arches: [amd64]"
    kill -STOP "$(pid_of amd64-1)"
    wait_agent amd64-1 silent
    id=$(push_detached "$org" avoided)
    wait_job "$id" '.state == "queued" and (.text | contains("silent"))'
    sleep 1
    has_job "$id" '.state == "queued" and .attempt == 0'
    world_agent_again spare-1
    run -0 lkcoord watch "$id"
    is_right "$org" avoided spare-1
    [ "$(count_builds)" -eq 1 ]
}

# Exercises: the lease's end; the late one is told to stop.
@test "a silent agent's job runs elsewhere at the lease's end" {
    short_leases
    only_first_agent
    new_small_package expired "arches: [amd64]"
    make_wait hold amd64-1
    id=$(push_detached "$org" expired)
    world_wait "the build" 60 has_builds 1
    kill -STOP "$(pid_of amd64-1)"
    world_agent_again spare-1
    run -0 lkcoord watch "$id"
    is_right "$org" expired spare-1
    kill -CONT "$(pid_of amd64-1)"
    wait_clean amd64-1
}

# Both build; which of them is let go first is the test's choice.
two_attempts() {
    only_first_agent
    make_wait hold amd64-1 spare-1
    id=$(push_detached "$org" "$1")
    world_wait "the build" 60 has_builds 1
    kill -STOP "$(pid_of amd64-1)"
    world_agent_again spare-1
    world_wait "the second try" 60 has_builds 2
    kill -CONT "$(pid_of amd64-1)"
    wait_agent amd64-1 there
    wait_job "$id" '.agent == "spare-1" and .state == "building"'
}

# Exercises: BUILT of an attempt that was given up counts while nobody else has built.
@test "of two attempts the old one that is built first wins, and the other is ended" {
    short_leases
    new_small_package old-wins "arches: [amd64]"
    two_attempts old-wins
    let_go amd64-1
    run -0 lkcoord watch "$id"
    is_right "$org" old-wins amd64-1
    wait_clean spare-1
}

@test "of two attempts the new one that is built first wins, and the other is ended" {
    short_leases
    new_small_package new-wins "arches: [amd64]"
    two_attempts new-wins
    let_go spare-1
    run -0 lkcoord watch "$id"
    is_right "$org" new-wins spare-1
    wait_clean amd64-1
}

# PUSH COUNT: its job was permitted that often.
has_permits() {
    [ "$(grep -cE "permit granted.* push=$1 job=[1-9]" "$WORLD/log/coordinator.log")" -ge "$2" ]
}

# Two commits of one package, so two pushes into one repository: $first of the first agent, $second of the other.
two_in_a_queue() {
    both_agents
    world_kill spare-1
    new_small_package "$1" "arches: [amd64]"
    close_gate after-PUT-manifests
    first=$(push_detached "$org" "$1")
    wait_at_gate after-PUT-manifests
    kill -STOP "$(pid_of amd64-1)"
    world_agent_again spare-1
    wait_agent spare-1 there
    echo "LABEL again=yes" >>"$1/Dockerfile"
    commit_all
    close_gate before-PUT-manifests
    second=$(push_detached "$org" "$1")
}

# Exercises: a permit that ran out is taken back and given to the next; a late report under its fence is refused, so
# the PUT is done again in a turn of its own.
@test "an agent whose permit ran out during its PUT reports in vain while another is inside" {
    reconfigure "lease-ms: 600000" "permit-ms: 8000"
    two_in_a_queue outstayed
    wait_at_gate before-PUT-manifests
    has_permits "$first" 1
    has_permits "$second" 1
    rm "$WORLD/gate/at-after-PUT-manifests"
    kill -CONT "$(pid_of amd64-1)"
    wait_agent amd64-1 there
    sleep 1
    has_job "$first" '.state != "done"'
    run ! has_permits "$first" 2
    open_gates
    run -0 lkcoord watch "$second"
    run -0 lkcoord watch "$first"
    has_permits "$first" 2
    is_right "$org" outstayed spare-1
    [ "$(count_builds)" -eq 2 ]
}

# Exercises: an old attempt's report is refused; only the coordinator writes tags.
@test "an agent that PUTs and reports after all is done elsewhere changes nothing" {
    reconfigure "lease-ms: 4000" "permit-ms: 1000"
    only_first_agent
    new_small_package belated "arches: [amd64]"
    close_gate before-PUT-manifests
    id=$(push_detached "$org" belated)
    wait_at_gate before-PUT-manifests
    kill -STOP "$(pid_of amd64-1)"
    world_agent_again spare-1
    run -0 lkcoord watch "$id"
    is_right "$org" belated spare-1
    before=$(published_as "$org" belated)
    puts=$(grep -c '"PUT /v2/demo/belated/manifests/.*lkagentd' "$WORLD/registry/access.log")
    open_gates
    kill -CONT "$(pid_of amd64-1)"
    wait_clean amd64-1
    wait_agent amd64-1 there
    [ "$(grep -c '"PUT /v2/demo/belated/manifests/.*lkagentd' "$WORLD/registry/access.log")" -gt "$puts" ]
    [ "$(published_as "$org" belated)" = "$before" ]
    is_right "$org" belated spare-1
}
