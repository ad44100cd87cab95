# Ten thousand jobs and two hundred agents: what the coordinator needs for them, and whom they keep waiting.

load helper

AGENTS=200
PUSHES=10
PACKAGES=128
FOREIGN=(arm64 s390x riscv64 ppc64le arm 386 loong64 mips64)

# The agents of the crowd build for everything but amd64; the one of amd64 is real.
setup_file() {
    local crowd=$ROOT/${CROWD:-build/$CONFIG/tests/tools/crowd}
    start_world
    [ -n "${CROWD-}" ] || make -s -C "$ROOT" CONFIG="$CONFIG" "${crowd#"$ROOT/"}"
    "$crowd" keys "$WORLD/keys" "$AGENTS"
    for ((i = 1; i <= AGENTS; i++)); do
        sed -i "/^agents:/a\\  crowd-$i: $WORLD/keys/crowd-$i.pub" "$WORLD/lkcoordd.yml"
    done
    world_kill coordinator
    world_coordinator
    forget_start
    start_agents amd64
    world_spawn crowd "$crowd" sit "$WORLD/keys" "$AGENTS" "$COORDINATOR_AGENTS" \
        "$WORLD/keys/coordinator.pub" "${FOREIGN[@]}"
    world_wait "the crowd" 30 are_there "$AGENTS"
    make_packages
}

make_packages() {
    local arches
    arches=$(IFS=,; echo "${FOREIGN[*]}")
    cd "$WORLD/source"
    for ((i = 0; i < PACKAGES; i++)); do
        mkdir -p "p$i"
        echo "FROM scratch" >"p$i/Dockerfile"
        printf 'image: p%s\narches: [%s]\n' "$i" "$arches" >"p$i/build.yml"
    done
    commit_all
}

are_there() {
    [ "$(lkcoord agents | grep -c '^crowd-.* there')" -ge "$1" ]
}

# STATE: how many jobs are in it.
count_jobs() {
    local id
    for id in $(lkcoord status --output json | jq '.. | objects | .push? // empty'); do
        lkcoord status --output json "$id"
    done | jq -s --arg state "$1" '[.. | objects | select(has("arch") and .state == $state)] | length'
}

are_queued() {
    [ "$(count_jobs queued)" -ge "$1" ]
}

# The most it ever was.  Opening the signing key takes 64 MB for a moment, by its format: that is not counted.
forget_start() {
    echo 5 >"/proc/$(pid_of coordinator)/clear_refs"
}

memory_kb() {
    sed -nE 's/^VmHWM:[[:space:]]*([0-9]+) kB/\1/p' "/proc/$(pid_of coordinator)/status"
}

@test "10,000 jobs in the queue and 200 agents: the coordinator stays below 64 MB" {
    echo "# the crowd alone: $(memory_kb) kB" >&3
    for ((i = 0; i < PUSHES; i++)); do
        push_detached "$REGISTRY/org$i" p*
    done
    world_wait "10,000 jobs" 60 are_queued 10000
    echo "# with the jobs: $(memory_kb) kB" >&3
    [ "$(memory_kb)" -lt 65536 ]
}

@test "a push that none of them stands in the way of gets through" {
    new_small_package passing "arches: [amd64]"
    push passing
    [ "$status" -eq 0 ]
    echo "# after a push: $(memory_kb) kB" >&3
    [ "$(memory_kb)" -lt 65536 ]
    are_queued 10000
}
