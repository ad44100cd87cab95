#!/bin/bash
#
# What a fault at an agent or at the registry costs in time: an agent that is killed while it builds and started
# again, from its HELLO until its job runs again; one that falls silent, until it is suspected and until its job is
# another one's; an upload that breaks off, beside one that does not, and how often that was built.
#
. "$(dirname "$0")/bench.sh"

LEASE_MS=8000

now_ms() {
    date +%s%3N
}

# FILE MESSAGE: when the last line that says so was written.
logged_ms() {
    date -d "$(grep "msg=\"$2\"" "$WORLD/log/$1.log" | tail -n 1 | cut -d ' ' -f 1)" +%s%3N
}

# ID AGENT: that agent builds for this push, for the first time or, with a third argument, for the second.
is_building() {
    [ "$(grep -c "msg=\"job offered\" push=$1 " "$WORLD/log/coordinator.log")" -eq $((1 + ${3-0})) ] &&
        lkcoord status --output json "$1" | jq -e --arg agent "$2" \
            '[.. | objects | select(has("arch") and .state == "building" and .agent == $agent)] | length > 0'
}

is_silent() {
    lkcoord agents | grep -q "^$1  silent"
}

# The step has the round's name, or the builder would take it from its cache.
slow_package() {
    bench_package "$1" "arches: [amd64]" <<END_OF_FILE
FROM base.lkcoord.example/busybox:1
RUN : $1; sleep 120
END_OF_FILE
    id=$(lkcoord push --detach --org "$REGISTRY/bench" "$1")
    world_wait "the build" 20 is_building "$id" amd64-1
}

end_push() {
    lkcoord cancel "$id" >/dev/null 2>&1
    lkcoord watch "$id" >/dev/null 2>&1 || true
    lkcoord agents resume amd64-1 2>/dev/null
}

crash_and_come_back() {
    slow_package "crash$1"
    world_kill amd64-1 KILL
    world_agent_again amd64-1
    world_wait "the agent" 20 is_building "$id" amd64-1 1
    bench_note runs-again $(($(now_ms) - $(logged_ms coordinator "agent came in")))
    end_push
}

fall_silent() {
    local from
    slow_package "silent$1"
    lkcoord agents resume spare-1 2>/dev/null
    kill -STOP "$(cat "$WORLD/pids/amd64-1")"
    from=$(now_ms)
    world_wait "a reassignment" 60 is_building "$id" spare-1 1
    bench_note reassigned $(($(logged_ms coordinator "job offered") - from))
    world_wait "the suspicion" 60 is_silent amd64-1
    bench_note suspected $(($(now_ms) - from))
    kill -CONT "$(cat "$WORLD/pids/amd64-1")"
    end_push
    world_wait_agents 2
    lkcoord agents drain spare-1 2>/dev/null
}

# NAME [FAULT]: a push through the proxy on such a day.
upload() {
    local name=$1 kind=${1%%-*}
    mkdir -p "$name"
    head -c 3000000 /dev/urandom >"$name/data"
    bench_package "$name" "arches: [amd64]" <<END_OF_FILE
FROM scratch
COPY data /data
END_OF_FILE
    echo "${2-}" >"$WORLD/proxy/faults"
    bench_time "$kind" lkcoord push --org "$(cat "$WORLD/proxy/address")/bench" "$name"
}

echo "== agents: killed, silent (lease $LEASE_MS ms, suspect-ms 9000); an upload that breaks off"
bench_world_lines=("lease-ms: $LEASE_MS")
bench_begin agents amd64
mkdir "$WORLD/proxy"
world_spawn proxy "$ROOT/tests/tools/faulty-proxy.py" "$WORLD/proxy" "$REGISTRY"
world_wait "the proxy" 20 test -s "$WORLD/proxy/address"
world_agent spare-1 amd64
world_wait_agents 2
lkcoord agents drain spare-1 2>/dev/null
for ((round = 0; round < ROUNDS; round++)); do
    crash_and_come_back "$round"
    fall_silent "$round"
    upload "fine-$round"
    upload "failed-$round" "1 PATCH /uploads/ reset 1000000"
done
bench_table runs-again suspected reassigned fine failed
echo "  aims: runs again at most 2000 ms after its HELLO; suspected at most 10000 ms after it fell silent;"
echo "  reassigned at the lease's end (${LEASE_MS} ms), which was renewed up to 2000 ms before it fell silent"
echo "  builds of the $((2 * ROUNDS)) packages whose upload went well or failed: $(grep -h 'msg="build ended"' "$WORLD"/log/*-1.log | grep -c 'status=0')"
