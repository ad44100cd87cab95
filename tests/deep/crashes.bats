# What a push survives: its coordinator's death at any point, its client's, the registry's.

load helper

POINTS=${POINTS:-50}

setup_file() {
    start_world "ping-ms: 300"
    start_gate
    start_counting_agent amd64-1
    world_wait_agents 1
}

setup() {
    world_load
    cd "$WORLD/source"
    GATE=${REGISTRY%:*}:$(cat "$WORLD/gate/port")
    forget_builds
    org=$REGISTRY/demo
}

teardown() {
    kill -CONT "$(pid_of registry)" 2>/dev/null || true
    open_gates
    forget_builds
}

now_ms() {
    date +%s%3N
}

# Packages p0, p1... of one step each, in one commit.
many_packages() {
    local i
    for ((i = 0; i < $1; i++)); do
        mkdir -p "p$i"
        printf 'image: p%d\narches: [amd64]\n' "$i" >"p$i/build.yml"
        printf 'FROM base.lkcoord.example/busybox:1\nCOPY build.yml /p%d.yml\n' "$i" >"p$i/Dockerfile"
    done
    commit_all
}

# PACKAGE MS: the coordinator dies that long after the push began, and comes again.  `hit`: the push was on.
push_with_a_crash() {
    push_aside --org "$org" "$1"
    sleep "$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))"
    kill -KILL "$(pid_of coordinator)"
    hit=0
    if kill -0 "$client" 2>/dev/null; then hit=1; fi
    world_kill coordinator KILL
    world_coordinator
    wait "$client" || {
        cat "$WORLD/log/client.err" >&2
        return 1
    }
}

# Exercises: facts on disk before their effects; the replay and what START asks again; the client's request
# key; the adoption of running builds.
@test "a coordinator killed at $POINTS points of a push finishes it each time, with one build" {
    many_packages $((2 * POINTS + 2))
    lkcoord push --org "$org" p0
    local i hits=0 hit delay began length
    began=$(now_ms)
    lkcoord push --org "$org" p1
    length=$(($(now_ms) - began))
    for ((i = 2; hits < POINTS && i < 2 * POINTS + 2; i++)); do
        delay=$((length * hits / POINTS))
        push_with_a_crash "p$i" "$delay"
        echo "p$i: killed after $delay of $length ms, hit $hit, $(count_builds) builds"
        [ "$(count_builds)" -eq $((i + 1)) ]
        is_right "$org" "p$i" amd64-1
        hits=$((hits + hit))
        [ "$hit" = 1 ] || length=$((length * 9 / 10))
    done
    [ "$hits" -eq "$POINTS" ]
    [ -z "$(ls -A "$WORLD/amd64-1/state/work")" ]
}

coordinator_sees_build() {
    lkcoord agents | grep -q '^amd64-1  there' && has_job "$id" '.state == "building"'
}

# Exercises: the adoption of a build that is still running when the coordinator is back.
@test "a build that outlasts its coordinator's death is kept" {
    new_small_package kept "arches: [amd64]"
    make_wait hold amd64-1
    push_aside --org "$org" kept
    id=$(aside_id)
    world_wait "the build" 60 has_builds 1
    world_kill coordinator KILL
    world_coordinator
    world_wait "the agent's return" 60 coordinator_sees_build
    sleep 1
    let_go amd64-1
    wait "$client"
    is_right "$org" kept amd64-1
    [ "$(count_builds)" -eq 1 ]
}

# Exercises: a package that is being pushed makes the same one wait, which then finds it done.
@test "two pushes of the same package at once build once and get the same answer" {
    new_small_package twins "arches: [amd64]"
    make_wait hold amd64-1
    push_aside --org "$org" twins
    world_wait "the build" 60 has_builds 1
    second=$(push_detached "$org" twins)
    world_wait "the second to wait" 60 eval 'lkcoord status --output json "$second" | grep -q "being pushed already"'
    let_go amd64-1
    wait "$client"
    run -0 --separate-stderr lkcoord watch "$second"
    [ "$(count_builds)" -eq 1 ]
    reference=$(published_as "$org" twins)
    grep -qF "$reference" "$WORLD/log/client.out"
    grep -qF "$reference" <<<"$output"
}

has_missed_client() {
    grep -q 'silent session closed.* name=maintainer' <(tail -n "+$1" "$WORLD/log/coordinator.log")
}

# Exercises: a push belongs to the coordinator, not to the session that asked for it.
@test "a killed client's push goes on, and watch shows it" {
    new_small_package left "arches: [amd64]"
    make_wait hold amd64-1
    push_aside --org "$org" left
    id=$(aside_id)
    world_wait "the build" 60 has_builds 1
    seen=$(wc -l <"$WORLD/log/coordinator.log")
    kill -KILL "$client"
    wait "$client" || true
    world_wait "the end of its session" 60 has_missed_client "$((seen + 1))"
    let_go amd64-1
    run -0 lkcoord watch "$id"
    is_right "$org" left amd64-1
    grep -qF "$(published_as "$org" left)" <<<"$output"
    [ "$(count_builds)" -eq 1 ]
}

# Exercises: whoever speaks to the registry tries again; a build is not thrown away for it.
@test "a registry that restarts in the middle of a push is waited for, without a second build" {
    new_small_package restarted "arches: [amd64]"
    make_wait keep amd64-1
    push_aside --org "$org" restarted
    id=$(aside_id)
    world_wait "the build" 60 has_builds 1
    world_wait "the image" 60 eval 'find "$WORLD"/amd64-1/state/work -name index.json | grep -q .'
    world_kill registry KILL
    let_go amd64-1
    wait_job "$id" '.state == "built" or .state == "uploading"'
    sleep 2
    registry_again
    wait "$client"
    is_right "$org" restarted amd64-1
    [ "$(count_builds)" -eq 1 ]
}

# Exercises: trouble at the registry is told and tried again, not taken for an answer.
@test "a push waits for a registry that is down, says so, and goes on when it is back" {
    new_small_package early "arches: [amd64]"
    world_kill registry
    push_aside --org "$org" early
    id=$(aside_id)
    world_wait "word from the client" 60 grep -qE "waits.*$REGISTRY" "$WORLD/log/client.err"
    lkcoord status --output json "$id" | jq -e --arg host "$REGISTRY" '.packages[0].text | contains($host)'
    lkcoord status "$id" | grep -F "$REGISTRY" | grep -q waits
    [ "$(count_builds)" -eq 0 ]
    registry_again
    wait "$client"
    is_right "$org" early amd64-1
}

# NAME POINT: an agent is about to be served at that point.
push_to_gate() {
    new_small_package "$1" "arches: [amd64]"
    close_gate "$2"
    push_aside --org "$GATE/demo" "$1"
    id=$(aside_id)
    wait_at_gate "$2"
}

# Exercises: what the agent's client does not wait for, the agent does, with what it has built.
@test "a registry that is away longer than an upload is tried at once: no second build" {
    push_to_gate away before-PUT-uploads
    world_kill registry KILL
    open_gates
    world_wait "the agent's word" 60 grep -q 'uploading: waits, and will try again' "$WORLD/log/client.err"
    registry_again
    wait "$client"
    is_right "$GATE/demo" away amd64-1
    [ "$(count_builds)" -eq 1 ]
}

# Exercises: an answer that does not come is waited for; nothing is taken for lost.
@test "a registry that freezes during the upload and goes on" {
    push_to_gate frozen-upload before-PUT-uploads
    kill -STOP "$(pid_of registry)"
    open_gates
    sleep 5
    has_job "$id" '.state == "uploading"'
    kill -CONT "$(pid_of registry)"
    wait "$client"
    is_right "$GATE/demo" frozen-upload amd64-1
    [ "$(count_builds)" -eq 1 ]
}

# Longer than the coordinator waits for one answer.
@test "a registry that freezes while all is published and goes on" {
    push_to_gate frozen-publish after-PUT-manifests
    kill -STOP "$(pid_of registry)"
    open_gates
    sleep 32
    lkcoord status "$id" | grep -q running
    run ! grep -q '@sha256:' "$WORLD/log/client.out"
    kill -CONT "$(pid_of registry)"
    wait "$client"
    is_right "$GATE/demo" frozen-publish amd64-1
    [ "$(count_builds)" -eq 1 ]
}
