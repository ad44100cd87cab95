#!/bin/bash
#
# The same package for three architectures, two of them emulated, built and published three ways:
#
#   lkcoord     lkcoord push: built in parallel, pushed in turn, merged, signed, read back
#   parallel    a shell script: three `buildah bud` at once, then three pushes, then the index
#   in-sequence the manual's procedure: build and push one architecture after the other, then the index
#
# The work is what a configure script does: a shell that counts and starts small programs, on one core.
# Each way has builder stores of its own, the same base image, options and isolation.  Content is new in
# each round, so nothing comes out of a cache but the base image.  Only lkcoord's way signs and reads back.
#
. "$(dirname "$0")/bench.sh"

arches="amd64 arm64 s390x"
tags=0

store() {
    local way=$1 arch=$2
    shift 2
    BUILDAH_RUNTIME=runc CONTAINERS_REGISTRIES_CONF=$WORLD/registries.conf buildah \
        --root "$WORLD/$way/$arch/root" --runroot "$WORLD/$way/$arch/runroot" --storage-driver overlay "$@"
}

build() {
    store "$1" "$2" bud --isolation=oci --network=none --identity-label=false --force-rm --layers \
        --platform="linux/$2" --pull --format=oci --tag="$image-$2" "$WORLD/source/work"
}

upload() {
    store "$1" "$2" push --tls-verify=false "$image-$2" "docker://$image-$2"
}

merge() {
    local way=$1 arch
    store "$way" amd64 manifest create "$image"
    for arch in $arches; do
        store "$way" amd64 manifest add --tls-verify=false "$image" "docker://$image-$arch"
    done
    store "$way" amd64 manifest push --all --tls-verify=false "$image" "docker://$image"
}

in_parallel() {
    local arch pids=()
    for arch in $arches; do
        build parallel "$arch" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    for arch in $arches; do
        upload parallel "$arch"
    done
    merge parallel
}

in_sequence() {
    local arch
    for arch in $arches; do
        build in-sequence "$arch"
        upload in-sequence "$arch"
    done
    merge in-sequence
}

new_content() {
    date +%s%N >work/stamp
    bench_commit
    tags=$((tags + 1))
}

one_way() {
    image=$REGISTRY/$1/work:$tags
    case $1 in
    lkcoord) bench_time "$1" lkcoord push --allow-emulation --org "$REGISTRY/lkcoord" work ;;
    parallel) bench_time "$1" in_parallel ;;
    in-sequence) bench_time "$1" in_sequence ;;
    esac
}

# Each round begins with another way, so that none always comes after the same one.
one_round() {
    local ways=(lkcoord parallel in-sequence) i
    new_content
    for ((i = 0; i < 3; i++)); do
        one_way "${ways[(tags + i) % 3]}"
    done
}

echo "== whole push: three architectures (amd64 native, arm64 and s390x emulated) to a loopback registry"
# shellcheck disable=SC2086
bench_begin whole-push $arches
bench_package work <<'END_OF_FILE'
FROM base.lkcoord.example/busybox:1
COPY stamp /stamp
RUN i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; \
    for i in $(seq 100); do uname -m >>/probes; done
RUN dd if=/dev/urandom of=/data bs=1M count=8
END_OF_FILE
one_round # the base image comes into every store
rm "$TIMES"/*
for ((round = 0; round < ROUNDS; round++)); do
    one_round
done
bench_table lkcoord parallel in-sequence
echo "  parallel / lkcoord    $(bench_ratio parallel lkcoord)"
echo "  in-sequence / lkcoord $(bench_ratio in-sequence lkcoord)  (promised: at least 1.5)"
