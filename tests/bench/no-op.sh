#!/bin/bash
#
# Pushing what is there, complete and signed: the whole process, from its start to its exit.
#
. "$(dirname "$0")/bench.sh"

echo "== nothing to do: lkcoord push of a package with three architectures that is published"
bench_begin no-op amd64 arm64 s390x
bench_package idle <<'END_OF_FILE'
FROM base.lkcoord.example/busybox:1
COPY build.yml /build.yml
END_OF_FILE
push() {
    lkcoord push --allow-emulation --org "$REGISTRY/bench" idle
}
bench_time first push
push >/dev/null 2>&1
for ((round = 0; round < 4 * ROUNDS; round++)); do
    bench_time no-op push
    bench_time version lkcoord version
done
bench_table no-op version
echo "  aim: at most 100 ms"
