#!/bin/bash
#
# The coordinator is killed and started again while pushes wait for an agent that never comes: from its start to
# the moment when it lets agents and clients in.
#
. "$(dirname "$0")/bench.sh"

PENDING=100

ready_ms() {
    date -d "$(grep 'msg="lkcoordd ready"' "$WORLD/log/coordinator.log" | tail -n 1 | cut -d ' ' -f 1)" +%s%3N
}

restart() {
    local from
    world_kill coordinator KILL
    from=$(date +%s%3N)
    world_coordinator
    bench_note "$1" $(($(ready_ms) - from))
}

count_waiting() {
    lkcoord status | grep -c ' running '
}

echo "== restart: $PENDING pushes wait"
bench_begin restart
bench_package pending "arches: [amd64, arm64, s390x]" <<'END_OF_FILE'
FROM base.lkcoord.example/busybox:1
END_OF_FILE
for ((round = 0; round < ROUNDS; round++)); do
    restart nothing
done
for ((push = 0; push < PENDING; push++)); do
    lkcoord push --detach --org "$REGISTRY/bench$push" pending >/dev/null 2>&1
done
for ((round = 0; round < ROUNDS; round++)); do
    restart pending
done
echo "  $(count_waiting) pushes go on"
bench_table nothing pending
echo "  aim: at most 1000 ms; most of it opens the signing key"
