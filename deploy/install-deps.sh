#!/bin/bash
#
# Installs what lkcoord's build, demo and tests need from Debian 12.  Says in one line what it
# installs; says and does nothing when nothing is missing.
#
#   deploy/install-deps.sh [--deep] [--verifiers]
#
# --deep: also what `make check-deep` needs; --verifiers: also what `make check-verifiers` needs
#
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

build="gcc make pkg-config libc6-dev git libzmq3-dev libczmq-dev libyaml-dev libgit2-dev libarchive-dev
       libcurl4-openssl-dev libsodium-dev libsqlite3-dev libjansson-dev libssl-dev libzstd-dev
       nanopb libnanopb-dev protobuf-compiler python3 python3-protobuf"
run="docker-registry buildah runc bubblewrap skopeo qemu-user-static curl ca-certificates"
test="libcmocka-dev bats openssl apache2-utils jq procps time util-linux fuse-overlayfs systemd"
deep="clang clang-format libclang-rt-14-dev gcc-s390x-linux-gnu libc6-dev-s390x-cross podman docker.io iproute2
      notary golang-go golang-github-docker-notary-dev golang-github-docker-distribution-dev spin"

verifiers="debootstrap"

wanted="$build $run $test"
for option; do
    case $option in
    --deep) wanted="$wanted $deep" ;;
    --verifiers) wanted="$wanted $verifiers" ;;
    *)
        echo "usage: deploy/install-deps.sh [--deep] [--verifiers]" >&2
        exit 2
        ;;
    esac
    # Whoever has it from elsewhere keeps it: Debian's would take its place.
    command -v npm >/dev/null || wanted="$wanted nodejs npm"
done

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1)" = installed ]
}

missing=()
for package in $wanted; do
    is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! grep -qsE '^VERSION_CODENAME=bookworm' /etc/os-release; then
    echo "install-deps: made for Debian 12; on this system install yourself: ${missing[*]}" >&2
    exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps: be root, or install sudo; missing are: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made_policy=
finish() {
    rm -f "$log"
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The tests start their own registries and daemons: Debian's must neither start now, by systemd or by an
# init script, nor at the next boot.
forbid_services() {
    [ ! -e "$policy" ] || return 0
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
}

update() {
    "${as_root[@]}" apt-get -q update </dev/null >>"$log" 2>&1
}

install() {
    "${as_root[@]}" apt-get -q -y --no-install-recommends install "${missing[@]}" \
        </dev/null >>"$log" 2>&1
}

# A package list that is empty or older than the mirror shows as a failed installation.
echo "installing from Debian: ${missing[*]}"
forbid_services
if ! install && ! { update && install; }; then
    cat "$log" >&2
    echo "install-deps: apt-get failed; its words are above" >&2
    exit 1
fi

# PACKAGE UNIT...
disable() {
    command -v systemctl >/dev/null && [[ " ${missing[*]} " == *" $1 "* ]] || return 0
    "${as_root[@]}" systemctl --quiet disable "${@:2}" 2>/dev/null || true
}
disable docker-registry docker-registry.service
disable docker.io docker.service docker.socket containerd.service
