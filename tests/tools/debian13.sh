#
# Sourced: a Debian 13 beside this Debian 12, for verifiers that only it has: cosign, skopeo and podman as it packages
# them, and the cosign of the release after it, unpacked, which is the first to verify images by bundles.
#
# debian13_need             makes build/debian13/root, some 600 MB; at once if it is there
# debian13 DIR COMMAND...   runs a command in it, on this network, with DIR as its /world and, if there is one,
#                           DIR/containers as its /etc/containers; whatever else it writes is gone with it
# debian13_versions         a verifier and its version a line

DEBIAN13=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/debian13

# From the mirror that this machine has its Debian from.
debian13_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' | awk '$2 == "bookworm" { print $1; exit }'
}

# The next release is not yet out: how old its list may be says nothing of the packages, which are checked as ever.
debian13_next_cosign() {
    echo "deb [check-valid-until=no] $1 forky main" >"$2/etc/apt/sources.list.d/next.list"
    chroot "$2" sh -ec 'cd /tmp
        apt-get -q update
        apt-get -q download cosign/forky
        dpkg-deb -x cosign_*.deb /opt/next
        dpkg-deb -f cosign_*.deb Version >/opt/next/version
        rm -rf cosign_*.deb /var/lib/apt/lists/* /var/cache/apt/*' </dev/null
}

debian13_need() (
    mkdir -p "$DEBIAN13"
    exec 9>"$DEBIAN13/lock"
    flock 9
    [ ! -d "$DEBIAN13/root" ] || exit 0
    rm -rf "$DEBIAN13/new"
    mirror=$(debian13_mirror)
    echo "unpacking Debian 13 for its verifiers, once" >&2
    # What it mounts goes with it, however it ends.
    if ! unshare --mount debootstrap --variant=minbase --include=ca-certificates,cosign,skopeo,podman \
        trixie "$DEBIAN13/new" "$mirror" >"$DEBIAN13/log" 2>&1 ||
        ! debian13_next_cosign "$mirror" "$DEBIAN13/new" >>"$DEBIAN13/log" 2>&1; then
        tail -n 20 "$DEBIAN13/log" >&2
        echo "could not unpack Debian 13 from ${mirror:-this machine\'s mirror, which apt does not name}" >&2
        exit 1
    fi
    mkdir -p "$DEBIAN13/new/world"
    mv "$DEBIAN13/new" "$DEBIAN13/root"
)

# Mounts are seen by nobody else, and end with the command.
debian13() {
    local dir=$1
    shift
    unshare --mount --pid --fork --kill-child -- bash -ec '
        root=$1 dir=$2
        shift 2
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        mount -t proc proc "$root/proc"
        for place in tmp run var/tmp dev/shm; do mount -t tmpfs tmpfs "$root/$place"; done
        mount --bind "$dir" "$root/world"
        [ ! -d "$dir/containers" ] || mount --bind "$dir/containers" "$root/etc/containers"
        exec env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@"' \
        debian13 "$DEBIAN13/root" "$dir" "$@"
}

debian13_versions() {
    chroot "$DEBIAN13/root" dpkg-query -W -f '${Package} ${Version}\n' cosign skopeo podman
    echo "cosign $(cat "$DEBIAN13/root/opt/next/version")"
}
