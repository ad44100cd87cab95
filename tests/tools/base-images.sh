#!/bin/bash
#
# Pushes a base image for amd64, arm64 and s390x to a registry, as one multi-architecture index.  It
# is made of Debian's busybox-static of each architecture, once; build/cache keeps it.
#
#   tests/tools/base-images.sh HOST:PORT      pushes HOST:PORT/base/busybox:1
#
set -euo pipefail
. "$(dirname "$0")/debs.sh"

registry=${1:?usage: base-images.sh HOST:PORT}
layout=$CACHE/base-images
arches="amd64 arm64 s390x"
applets="[ ash awk cat chmod chown cmp cp cut date dd df diff du echo env expr false find free grep
         gunzip gzip head hostname id ip kill ln ls md5sum mkdir mktemp mount mv nc netstat nproc od
         ping printf ps pwd readlink rm rmdir sed seq sh sha256sum sleep sort stat sync tail tar tee
         test touch tr true umount uname uniq vi wc wget which xargs yes"

# The applets are links made here, so that making the image needs no emulation.
make_root() {
    local arch=$1 root=$2 applet
    mkdir -p "$root"/{bin,etc,proc,sys,dev,root,usr/bin,var} "$root/tmp"
    chmod 1777 "$root/tmp"
    dpkg-deb --fsys-tarfile "$DEBS/busybox-static_$arch.deb" | tar -x -C "$root/bin" \
        --strip-components=2 ./bin/busybox
    for applet in $applets; do
        ln -s busybox "$root/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
}

make_image() {
    local arch=$1 container
    make_root "$arch" "$work/$arch"
    container=$(store from --arch "$arch" scratch)
    store add --quiet "$container" "$work/$arch" / >/dev/null
    store config --arch "$arch" --os linux --cmd /bin/sh "$container"
    store commit --quiet --format oci --timestamp 0 --identity-label=false "$container" \
        "localhost/base-$arch" >/dev/null
    store manifest add base "localhost/base-$arch" >/dev/null
}

store() {
    buildah --root "$work/root" --runroot "$work/runroot" --storage-driver vfs "$@"
}

make_layout() {
    local arch
    for arch in $arches; do
        debs_fetch "$arch" busybox-static
    done
    work=$(mktemp -d "$CACHE/base-work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    store manifest create base >/dev/null
    for arch in $arches; do
        make_image "$arch"
    done
    store manifest push --quiet --all base "oci:$work/layout:1" >/dev/null
    mv "$work/layout" "$layout"
}

mkdir -p "$CACHE"
exec 8>"$CACHE/base-images.lock"
flock 8
[ -d "$layout" ] || make_layout 8>&-
flock -u 8
skopeo --insecure-policy copy --quiet --all --dest-tls-verify=false "oci:$layout:1" \
    "docker://$registry/base/busybox:1"
