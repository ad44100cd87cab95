# Agents that are drained, that fail, and how much they get at once.

load helper

setup_file() {
    start_world
    start_agents amd64
}

# ID TEXT
says() {
    lkcoord status "$1" | grep -qF "$2"
}

@test "a drained agent gets nothing new, also after restarts of both, until it is resumed" {
    new_small_package drained "arches: [amd64]"
    lkcoord agents drain amd64-1 --reason "a new disk"
    run -0 lkcoord agents
    [[ $output == *"amd64-1  there"*"drained (a new disk)" ]]
    world_kill coordinator KILL
    world_coordinator
    world_kill amd64-1 KILL
    world_agent_again amd64-1
    world_wait_agents 1
    id=$(lkcoord push --detach --org "$REGISTRY/demo" drained)
    world_wait "the reason" 10 says "$id" \
        "whoever builds for amd64 is drained; \`lkcoord agents resume amd64-1\` changes that"
    lkcoord agents resume amd64-1
    run -0 lkcoord watch "$id"
    run -0 lkcoord agents
    [[ $output != *drained* ]]
}

@test "who is not in the configuration cannot be drained, and a misspelled request changes nothing" {
    run -5 lkcoord agents drain nobody
    [[ $output == *"no agent of this name is in the coordinator's configuration"* ]]
    run -5 lkcoord agents resume nobody
    [[ $output == *"no agent of this name is known"* ]]
    run -2 lkcoord agents drain
    run -2 lkcoord agents stop amd64-1
    run -2 lkcoord agents resume amd64-1 --reason why
    [[ $output == *"lkcoord agents drain NAME"* ]]
}

@test "pushes of high priority come first" {
    new_small_package low "arches: [amd64]"
    new_small_package high "arches: [amd64]"
    lkcoord agents drain amd64-1
    low=$(lkcoord push --detach --priority low --org "$REGISTRY/demo" low)
    world_wait "the reason" 10 says "$low" "drained"
    high=$(lkcoord push --detach --priority high --org "$REGISTRY/demo" high)
    world_wait "the reason" 10 says "$high" "drained"
    run -0 lkcoord status
    [[ $output == *"high priority"* && $output == *"low priority"* ]]
    world_kill coordinator KILL
    world_coordinator
    lkcoord agents resume amd64-1
    run -0 lkcoord watch "$low"
    run -0 lkcoord watch "$high"
    grep 'msg="job offered"' "$WORLD/log/coordinator.log" | grep -o 'repository=[^ ]*demo/[a-z]*' | tail -n 2 >"$WORLD/order"
    [[ $(head -n 1 "$WORLD/order") == */high && $(tail -n 1 "$WORLD/order") == */low ]]
    run -2 lkcoord push --priority highest --org "$REGISTRY/demo" low
    [[ $output == *"expected low, normal or high"* ]]
}

# [broken]: what the agent runs as buildah; broken, its host has no room left.
builder() {
    local fails=""
    [ -z "${1-}" ] || fails='case " $* " in *" build "* | *" bud "*) echo "mkdir /x: no space left on device" >&2; exit 125 ;; esac'
    printf '#!/bin/sh\n%s\nexec buildah "$@"\n' "$fails" >"$WORLD/builder"
    chmod +x "$WORLD/builder"
}

@test "an agent that fails everything is quarantined, and one job that goes well brings it back" {
    builder broken
    world_kill amd64-1
    echo "builder-command: $WORLD/builder" >>"$WORLD/amd64-1.yml"
    world_agent_again amd64-1
    echo "quarantine: {after: 3, back-off-ms: 5000}" >>"$WORLD/lkcoordd.yml"
    world_kill coordinator
    world_coordinator
    world_wait_agents 1
    new_small_package doomed "arches: [amd64]"
    new_small_package lucky "arches: [amd64]"
    push doomed
    [ "$status" -eq 4 ]
    [[ $output == *"given up after 3 attempts"*"no space left on device"* ]]
    run -0 lkcoord agents
    [[ $output == *"in quarantine ("*"no space left on device), tried out "* ]]
    builder
    id=$(lkcoord push --detach --org "$REGISTRY/demo" lucky)
    world_wait "the reason" 10 says "$id" "whoever builds for amd64 is in quarantine, as amd64-1 is"
    run -0 lkcoord watch "$id"
    run -0 lkcoord agents
    [[ $output != *quarantine* ]]
}

@test "an agent gets no more jobs than the coordinator's configuration says, and a registry no more uploads" {
    sed -i -e "s|^  amd64-1: .*|  amd64-1: {key: $WORLD/keys/amd64-1.pub, slots: 2}|" \
        -e "s|^    plain-http: true|&\n    uploads: 1|" "$WORLD/lkcoordd.yml"
    sed -i "s|^slots: .*|slots: 4|" "$WORLD/amd64-1.yml"
    world_kill coordinator
    world_kill amd64-1
    world_coordinator
    world_agent_again amd64-1
    world_wait_agents 1
    run -0 lkcoord agents
    [[ $output == *"amd64-1  there  0 of 2 busy"* ]]
    new_small_package one "arches: [amd64]"
    new_small_package two "arches: [amd64]"
    new_small_package three "arches: [amd64]"
    push one two three
    [ "$status" -eq 0 ]
}
