#!/bin/bash
#
# The coordinator is killed and started again: with an empty journal; with 100 pushes that wait for an agent that
# never comes; with 100 pushes in flight whose registry does not answer, and 10,000 pushes in the journal.  Timed to
# the moment when it lets agents and clients in, and to the first effect that it dispatches: a request to the
# registry, seen there.
#
. "$(dirname "$0")/bench.sh"

PENDING=100
HISTORY=${HISTORY:-10000}

ready_ms() {
    date -d "$(grep 'msg="lkcoordd ready"' "$WORLD/log/coordinator.log" | tail -n 1 | cut -d ' ' -f 1)" +%s%3N
}

restart() {
    from=$(date +%s%3N)
    world_coordinator
    bench_note "$1" $(($(ready_ms) - from))
}

kill_and_restart() {
    world_kill coordinator KILL
    restart "$1"
}

count_waiting() {
    lkcoord status | grep -c ' running '
}

# A registry that takes connections, notes when, and never answers.
silent_registry() {
    world_spawn silent python3 -c 'import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
print(listener.getsockname()[1], file=open(sys.argv[1] + ".port", "w"), flush=True)
taken = []
while True:
    taken.append(listener.accept())
    print(int(time.time() * 1000), file=open(sys.argv[1], "a"), flush=True)' "$WORLD/asked"
    world_wait "the silent registry" 10 test -s "$WORLD/asked.port"
    SILENT=127.0.0.1:$(cat "$WORLD/asked.port")
    sed -i "/^registries:/a\\  - host: \"$SILENT\"\\n    plain-http: true" "$WORLD/lkcoordd.yml"
}

first_effect_after_kill() {
    world_kill coordinator KILL
    : >"$WORLD/asked"
    restart in-flight
    world_wait "a request to the registry" 10 test -s "$WORLD/asked"
    bench_note first-effect $(($(head -n 1 "$WORLD/asked") - from))
}

push_to() {
    for ((push = 0; push < PENDING; push++)); do
        lkcoord push --detach --org "$1/bench$push" "$2" >/dev/null 2>&1
    done
}

echo "== restart: $PENDING pushes wait; $PENDING in flight, $HISTORY in the journal"
bench_begin restart
bench_package pending "arches: [amd64, arm64, s390x]" <<'END_OF_FILE'
FROM base.lkcoord.example/busybox:1
END_OF_FILE
for ((round = 0; round < ROUNDS; round++)); do
    kill_and_restart nothing
done
push_to "$REGISTRY" pending
for ((round = 0; round < ROUNDS; round++)); do
    kill_and_restart pending
done
echo "  $(count_waiting) pushes go on"
silent_registry
world_kill coordinator KILL
"$ROOT/${LONG_JOURNAL:-build/$CONFIG/tests/tools/long_journal}" "$WORLD/coordinator" "$HISTORY"
restart not-compacted
push_to "$SILENT" pending
for ((round = 0; round < ROUNDS; round++)); do
    first_effect_after_kill
done
echo "  $(count_waiting) pushes go on"
bench_table nothing pending not-compacted in-flight first-effect
echo "  aim: at most 1000 ms from the start to the first effect; most of it opens the signing key.  A journal that was"
echo "  never compacted is read once as a whole (an upgrade)."
