#
# Sourced: Debian packages of another architecture, as files, without adding that architecture to
# this machine: an apt root of its own, made from this machine's sources and keys.  Nothing of the
# packages is executed; what was fetched once stays in build/cache.
#
# debs_fetch ARCH PACKAGE... - puts PACKAGE_ARCH.deb into $DEBS for each.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=$ROOT/build/cache
DEBS=$CACHE/debs

debs_have() {
    local arch=$1 package
    shift
    for package; do
        [ -s "$DEBS/${package}_$arch.deb" ] || return 1
    done
}

debs_apt() {
    local arch=$1 root=$CACHE/apt-$1
    shift
    apt-get -q -o Dir::State="$root/state" -o Dir::State::status="$root/status" \
        -o Dir::Cache="$root/cache" -o APT::Architecture="$arch" \
        -o APT::Architectures="$arch" -o APT::Sandbox::User=root -o Acquire::Languages=none \
        "$@" </dev/null
}

# One at a time: several test runs may want the same file.
debs_fetch() (
    arch=$1
    shift
    mkdir -p "$DEBS"
    exec 9>"$CACHE/debs.lock"
    flock 9
    ! debs_have "$arch" "$@" || exit 0

    root=$CACHE/apt-$arch
    log=$root/log
    mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial" "$root/new"
    : >"$root/status"
    cd "$root/new"
    if ! debs_apt "$arch" update >"$log" 2>&1 || ! debs_apt "$arch" download "$@" >>"$log" 2>&1; then
        cat "$log" >&2
        echo "could not fetch $* for $arch from this machine's Debian mirror; see above" >&2
        exit 1
    fi
    for package; do
        mv "$package"_*.deb "$DEBS/${package}_$arch.deb"
    done
    rm -rf "$root"
)
