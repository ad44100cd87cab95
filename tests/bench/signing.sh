#!/bin/bash
#
# What signing adds between the last image's arch tag and the final tag, for three architectures: in milliseconds on
# loopback, and in round trips one after the other.  The registry is behind a proxy that writes down when each request
# began and ended (tests/tools/faulty-proxy.py).  For the round trips it answers each request 100 ms late, so that
# what is asked at once is seen to be; the longest row of requests of which each began after the one before it ended
# is counted, with signatures and without.
#
. "$(dirname "$0")/bench.sh"

LATE_MS=100

start_proxy() {
    mkdir -p "$WORLD/proxy"
    world_spawn proxy "$ROOT/tests/tools/faulty-proxy.py" "$WORLD/proxy" "$REGISTRY"
    world_wait "the proxy" 60 test -s "$WORLD/proxy/address"
    PROXY=$(cat "$WORLD/proxy/address")
    printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$PROXY" >>"$WORLD/registries.conf"
}

between_tags() {
    awk -v tag="$1" -f "$ROOT/tests/tools/between-tags.awk" "$WORLD/proxy/requests"
}

# NAME ARGUMENT...
one_push() {
    local name=$1 tag
    shift
    date +%s%N >three/stamp
    bench_commit
    : >"$WORLD/proxy/requests"
    lkcoord push --allow-emulation --platforms amd64,arm64,s390x --org "$PROXY/bench" "$@" three \
        >"$WORLD/log/push.out" 2>&1 || {
        tail -n 30 "$WORLD/log/push.out" >&2
        return 1
    }
    tag=$(lkcoord show-tag --org "$PROXY/bench" three)
    read -r ms rounds < <(between_tags "${tag##*:}")
    bench_note "$name-ms" "$ms"
    bench_note "$name-rounds" "$rounds"
}

# WHAT: one round of both
one_round() {
    one_push "$1-signed"
    one_push "$1-unsigned" --disable-content-trust
}

# A B: the median over the rounds of A minus B.
difference() {
    paste "$TIMES/$1" "$TIMES/$2" | awk '{ print $1 - $2 }' | sort -n |
        awk '{ d[NR] = $1 } END { print (d[int((NR + 1) / 2)] + d[int(NR / 2) + 1]) / 2 }'
}

echo "== signing: from the last arch tag to the final tag, three architectures, with signatures and without"
bench_begin signing amd64 arm64 s390x
start_proxy
bench_package three <<'END_OF_FILE'
FROM base.lkcoord.example/busybox:1
COPY stamp /stamp
END_OF_FILE
one_round warm
for ((round = 1; round <= ROUNDS; round++)); do
    one_round near
done
echo "100000 * . late $LATE_MS" >"$WORLD/proxy/faults"
for ((round = 1; round <= ROUNDS; round++)); do
    one_round far
done
bench_table near-signed-ms near-unsigned-ms far-signed-ms far-unsigned-ms
echo "  signing adds $(difference near-signed-ms near-unsigned-ms) ms on loopback (proxy included);"
echo "  round trips one after the other: $(bench_median far-signed-rounds) with, $(bench_median far-unsigned-rounds) without: adds $(difference far-signed-rounds far-unsigned-rounds) (aim: at most 4)"
