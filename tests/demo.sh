#!/bin/bash
#
# The whole job once, for real, on this machine: a registry, base images, a coordinator, one agent per
# architecture, two packages pushed, verified and run.  Everything is below build/ and on loopback, and
# is undone at the end, also after Ctrl-C; logs stay.  `make demo` installs and builds first.
#
set -euo pipefail
if [ "$(id -u)" -ne 0 ]; then
    echo "building images needs root: calling sudo"
    exec sudo --preserve-env=CONFIG,BIN -- "$0" "$@"
fi
cd "$(dirname "$0")/.."
. tests/tools/world.sh

WORLD=$ROOT/build/run/demo.$$
packages="hello tool"

finish() {
    trap '' INT TERM
    world_stop
    world_give_back_files
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() {
    printf '\n==> %s\n' "$*"
}

# A tag is the hash of what is committed.  Where the example packages are not committed as they stand,
# a copy is.
find_source() {
    if [ -z "$(git status --porcelain -- tests/packages 2>&1)" ]; then
        source=$ROOT/tests/packages
        return
    fi
    source=$WORLD/source
    mkdir -p "$source"
    cp -R tests/packages/. "$source"
    git -C "$source" init -q -b main
    git -C "$source" add -A
    git -C "$source" -c user.name=demo -c user.email=demo@localhost commit -q -m "example packages"
    echo "tests/packages is not as committed; a copy in a repository of its own is pushed"
}

# The last words of a child about its agent: "[hello/s390x@s390x-1] built (emulated)".
agent_of() {
    sed -nE "s#^\[$1/$2@([^]]+)\].*#\1#p" "$WORLD/log/push.log" | tail -n 1
}

way_of() {
    if grep -qE "^\[$1/$2@[^]]+\] .*\(emulated\)" "$WORLD/log/push.log"; then
        echo emulated
    else
        echo native
    fi
}

# host:port/name:tag@digest -> host:port/name
repository_of() {
    local tagged=${1%@*}
    echo "${tagged%:*}"
}

# Architecture and digest, a line each.
children_of() {
    skopeo inspect --raw --tls-verify=false "docker://$(repository_of "$1")@${1#*@}" |
        jq -r '.manifests[] | "\(.platform.architecture) \(.digest)"'
}

show_published() {
    local published=$1 package=$2 arch digest
    echo "${published%@*}"
    printf '  %-8s %s\n' index "${published#*@}"
    while read -r arch digest; do
        printf '  %-8s %s  %s, %s\n' "$arch" "$digest" "$(agent_of "$package" "$arch")" \
            "$(way_of "$package" "$arch")"
    done < <(children_of "$published")
    lkcoord verify --key "$SIGNING_KEY" "$published" >"$WORLD/log/verify" || {
        cat "$WORLD/log/verify"
        return 6
    }
    printf '  %-8s index and children are signed by our key\n' verify
}

store() {
    buildah --root "$WORLD/run/root" --runroot "$WORLD/run/runroot" --storage-driver overlay "$@"
}

# By digest, with the command that the image itself names.
run_image() {
    local image=$1 arch=$2 container command
    container=$(store from --quiet --tls-verify=false --arch "$arch" "docker://$image")
    mapfile -t command < <(skopeo inspect --config --raw --tls-verify=false "docker://$image" |
        jq -r '.config | ((.Entrypoint // []) + (.Cmd // []))[]')
    store run --isolation oci --runtime runc --network none "$container" -- "${command[@]}" </dev/null
}

run_all() {
    local published=$1 package=$2 arch digest
    while read -r arch digest <&3; do
        printf '  %-6s %-8s ' "$package" "$arch"
        run_image "$(repository_of "$published")@$digest" "$arch"
    done 3< <(children_of "$published")
}

step "registry, base images, keys and coordinator on loopback"
world_start
echo "registry $REGISTRY, coordinator $COORDINATOR_CLIENTS"

step "one agent per architecture"
for arch in amd64 arm64 s390x; do
    world_agent "$arch-1" "$arch"
done
world_wait_agents 3
lkcoord agents

step "lkcoord push --allow-emulation --org $REGISTRY/demo $packages"
find_source
began=$SECONDS
paths=()
for package in $packages; do
    paths+=("$source/$package")
done
lkcoord push --allow-emulation --org "$REGISTRY/demo" "${paths[@]}" \
    2> >(tee "$WORLD/log/push.log" >&2) >"$WORLD/log/published" || {
    status=$?
    echo "the push failed with exit status $status; logs are in $WORLD/log" >&2
    exit $status
}
pushed=$((SECONDS - began))

step "published"
while read -r published; do
    name=${published##*/}
    show_published "$published" "${name%%:*}"
done < <(grep -E '@sha256:[0-9a-f]{64}$' "$WORLD/log/published")

step "each image runs"
while read -r published; do
    name=${published##*/}
    run_all "$published" "${name%%:*}"
done < <(grep -E '@sha256:[0-9a-f]{64}$' "$WORLD/log/published")

printf '\npushed in %s s, everything in %s s; logs are in %s\n' "$pushed" "$SECONDS" \
    "${WORLD#"$ROOT/"}/log"
