#!/bin/bash
#
# What lkcoord adds after building: from the exit of the last builder process (the agent's log) to the
# final tag read back (the coordinator's log).  Each architecture's image has a layer of 50 MB that cannot
# be compressed and is new in each round; the registry is on loopback.
#
. "$(dirname "$0")/bench.sh"

# PATTERN LOG...: the time, in milliseconds, of the last line that matches.
log_ms() {
    local stamp
    stamp=$(grep -hE "$1" "${@:2}" | cut -d ' ' -f 1 | sort | tail -n 1)
    date -d "$stamp" +%s%3N
}

one_round() {
    local name=$1 platforms=$2
    date +%s%N >big/stamp
    bench_commit
    lkcoord push --allow-emulation --platforms "$platforms" --org "$REGISTRY/$name" big \
        >"$WORLD/log/push.out" 2>&1 || {
        tail -n 30 "$WORLD/log/push.out" >&2
        return 1
    }
    bench_note "$name" $(($(log_ms op=tag "$WORLD/log/coordinator.log") -
        $(log_ms 'msg="build ended"' "$WORLD"/log/*-1.log)))
}

echo "== publish: from the last builder's exit to the final tag read back, 50 MB an image, loopback registry"
bench_begin publish amd64 arm64 s390x
bench_package big <<'END_OF_FILE'
FROM base.lkcoord.example/busybox:1
COPY stamp /stamp
RUN dd if=/dev/urandom of=/data bs=1M count=50 && if [ "$(uname -m)" = s390x ]; then sleep 4; fi
END_OF_FILE
for ((round = 0; round <= ROUNDS; round++)); do
    one_round one amd64
    one_round three amd64,arm64,s390x
    [ "$round" -gt 0 ] || rm "$TIMES"/* # the base image came into every store
done
bench_table one three
echo "  three: the slowest architecture's upload, turn, index, four signatures and tag; aim: 500 ms"
