#!/bin/bash
#
# The same package for three architectures, two of them emulated, built and published three ways:
#
#   lkcoord     lkcoord push: built in parallel, pushed in turn, merged, signed, read back
#   parallel    a shell script: three `buildah bud` at once, then three pushes, then the index
#   in-sequence the manual's procedure: build and push one architecture after the other, then the index
#
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

one_round() {
    new_content
    bench_time lkcoord lkcoord push --allow-emulation --org "$REGISTRY/lkcoord" work
    image=$REGISTRY/parallel/work:$tags
    bench_time parallel in_parallel
    image=$REGISTRY/sequence/work:$tags
    bench_time in-sequence in_sequence
}

echo "== whole push: three architectures (amd64 native, arm64 and s390x emulated) to a loopback registry"
# shellcheck disable=SC2086
bench_begin whole-push $arches
bench_package work <<'END_OF_FILE'
FROM base.lkcoord.example/busybox:1
COPY stamp /stamp
RUN for file in 1 2 3 4 5 6 7 8; do \
        dd if=/dev/zero bs=1M count=12 2>/dev/null | cat /stamp - | sha256sum >/sum.$file; \
    done
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
