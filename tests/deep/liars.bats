# Peers whose keys are admitted and who say whatever one can say wrong (tests/tools/liar.c), against the real programs.

load helper

setup_file() {
    export LIAR=$ROOT/${LIAR:-build/$CONFIG/tests/tools/liar}
    start_world "ping-ms: 300"
    [ -e "$LIAR" ] || make -s -C "$ROOT" CONFIG="$CONFIG" "${LIAR#"$ROOT/"}"
    start_counting_agent amd64-1
    world_wait_agents 1
}

setup() {
    world_load
    cd "$WORLD/source"
    forget_builds
    org=$REGISTRY/demo
}

teardown() {
    let_go amd64-1
}

# agents|clients ENDPOINT NAME
lie() {
    timeout 100 "$LIAR" "$1" "$2" "$WORLD/keys/coordinator.pub" "$WORLD/keys/$3.key"
}

# NAME COMMAND...: a push that is building meanwhile ends as if nothing had been said.
is_unimpressed() {
    local coordinator agent
    coordinator=$(pid_of coordinator)
    agent=$(pid_of amd64-1)
    new_small_package "$1" "arches: [amd64]"
    make_wait hold amd64-1
    push_aside --org "$org" "$1"
    id=$(aside_id)
    world_wait "the build" 60 has_builds 1
    "${@:2}"
    has_job "$id" '.state == "building" and .agent == "amd64-1" and .attempt == 1'
    let_go amd64-1
    wait "$client"
    is_right "$org" "$1" amd64-1
    lkcoord logs "$id" | grep -q 'COPY build.yml'
    [ "$(count_builds)" -eq 1 ]
    kill -0 "$coordinator" "$agent"
    # Or most of it was said in vain.
    run ! grep 'session closed: it does not read' "$WORLD/log/coordinator.log"
    lkcoord agents | grep -q '^amd64-1  there'
}

# Exercises: the frames' limits; the session and key of each message; whose job, log and ticket it is.
@test "an admitted agent that lies changes nothing for the others" {
    is_unimpressed deaf-to-agents lie agents "$COORDINATOR_AGENTS" spare-1
}

@test "an admitted client that lies changes nothing for the others" {
    is_unimpressed deaf-to-clients lie clients "$COORDINATOR_CLIENTS" maintainer
}

@test "a stranger is not heard at all" {
    lkcoord keys new --directory "$WORLD/keys" stranger
    run -1 timeout 100 "$LIAR" agents "$COORDINATOR_AGENTS" "$WORLD/keys/coordinator.pub" \
        "$WORLD/keys/stranger.key"
    echo "$output"
    [[ $output == *"the coordinator takes nothing any more"* ]]
    lkcoord agents | grep -q '^amd64-1  there'
}
