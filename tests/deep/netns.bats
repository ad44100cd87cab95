# Three hosts and one for the registry, each a network namespace: what a push survives when one is cut off.
#
# A bridge in a namespace of its own joins them; the coordinator and its clients are in $NET-c, the agents in
# $NET-a and $NET-b, the registry in $NET-r.

load helper

# The last octet of a host's address.
declare -gA OCTETS=([c]=1 [a]=2 [b]=3 [r]=4)

# The world of world.sh, but that each process is on a host of its own.
host_of() {
    case $1 in
    amd64-1) echo a ;;
    spare-1) echo b ;;
    gate) echo r ;;
    *) echo c ;;
    esac
}

. "$ROOT/tests/tools/network.sh"

lkcoord() {
    on c "$LK_BIN/lkcoord" "$@"
}

skopeo() {
    on r skopeo "$@"
}

use_network() {
    use_world
    NET=lk$(basename "$WORLD" | tr -dc 0-9)
}

setup_file() {
    use_network
    export NET
    remove_orphans
    make_network
    start_world "ping-ms: 200" "suspect-ms: 800" "lease-ms: 600000"
    start_gate
    start_counting_agent amd64-1
    world_wait_agents 1
}

teardown_file() {
    world_stop
    remove_network
}

setup() {
    world_load
    cd "$WORLD/source"
    GATE=$(address_of r):$(cat "$WORLD/gate/port")
    org=$GATE/demo
    forget_builds
    open_gates
}

teardown() {
    local host
    for host in "${!OCTETS[@]}"; do join_again "$host"; done
}

# Who is cut off is missed, so what follows is no test of nothing.
is_missed() {
    if [ "$1" = r ]; then
        ! on c curl -sf -m 1 "http://$REGISTRY/v2/"
    else
        lkcoord agents | grep -qE '^amd64-1  (silent|away)'
    fi
}

# Longer than the lines' silence on both sides, so that all who can notice do.
stay_away() {
    sleep 7
    is_missed "$1"
    join_again "$1"
}

# HOST NAME: one push, one build, by the agent that had it all the time.
finishes() {
    wait "$client"
    is_right "$org" "$1" amd64-1
    [ "$(count_builds)" -eq 1 ]
}

survives_cut_in_build() {
    new_small_package "build-$1" "arches: [amd64]"
    make_wait keep amd64-1
    push_aside --org "$org" "build-$1"
    world_wait "the build" 60 has_builds 1
    cut_off "$1"
    stay_away "$1"
    let_go amd64-1
    finishes "build-$1"
}

# HOST POINT
survives_cut_at() {
    local name=cut-$1-${2,,}
    new_small_package "$name" "arches: [amd64]"
    close_gate "$2"
    push_aside --org "$org" "$name"
    wait_at_gate "$2"
    cut_off "$1"
    open_gates
    stay_away "$1"
    finishes "$name"
}

# Exercises: leases that outlast a cut, sessions that are taken up again, reports that state what is held.
@test "the agent's host is cut off during the build" {
    survives_cut_in_build a
}

@test "the coordinator's host is cut off during the build" {
    survives_cut_in_build c
}

@test "the registry's host is cut off during the build" {
    survives_cut_in_build r
}

# Exercises: uploads that are tried again.
@test "the agent's host is cut off during the upload" {
    survives_cut_at a before-PUT-uploads
}

@test "the coordinator's host is cut off during the upload" {
    survives_cut_at c before-PUT-uploads
}

@test "the registry's host is cut off during the upload" {
    survives_cut_at r before-PUT-uploads
}

# Exercises: a PUT whose answer is lost is done again; a turn outlasts the cut.
@test "the agent's host is cut off during its turn" {
    survives_cut_at a after-PUT-manifests
}

@test "the coordinator's host is cut off during the turn" {
    survives_cut_at c after-PUT-manifests
}

@test "the registry's host is cut off during the turn" {
    survives_cut_at r after-PUT-manifests
}

# Exercises: the lease; who comes back too late is told to stop.
@test "an agent's host that stays away loses its job to another one" {
    reconfigure "lease-ms: 3000"
    new_small_package away "arches: [amd64]"
    make_wait keep amd64-1
    push_aside --org "$org" away
    world_wait "the build" 60 has_builds 1
    cut_off a
    start_counting_agent spare-1
    wait "$client"
    is_right "$org" away spare-1
    join_again a
    wait_clean amd64-1
}
