#!/bin/bash
#
# Chaos with real processes (README.md): run.sh SECONDS [SEED].  Needs root.  The last line is "1 passed, 0
# failed", or the other way round; then all logs stay in build/run/chaos.*/log.
#
set -euo pipefail
cd "$(dirname "$0")/../../.."
if [ "$(id -u)" -ne 0 ]; then
    exec sudo -- env CONFIG="${CONFIG-}" BIN="${BIN-}" "$0" "$@"
fi
seconds=${1:-60} seed=${2:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
CONFIG=${CONFIG:-dev}
. tests/tools/world.sh
declare -A OCTETS=([c]=1 [a]=2 [b]=3 [d]=4 [e]=5 [r]=6 [p]=7 [k]=8)
. tests/tools/network.sh

WORLD=$ROOT/build/run/chaos.$$
NET=lk$$
WATCHER=${NET}w
AGENTS="amd64-1 arm64-1 s390x-1 spare-1"
export WORLD NET AGENTS ROOT LK_BIN PYTHONDONTWRITEBYTECODE=1

host_of() {
    case $1 in
    amd64-1) echo a ;;
    arm64-1) echo b ;;
    s390x-1) echo d ;;
    spare-1) echo e ;;
    proxy) echo p ;;
    *) echo c ;;
    esac
}

lkcoord() {
    on k "$LK_BIN/lkcoord" "$@"
}

# Sees the registry as it is: over a line of its own, that nobody cuts, under the name that everybody else
# knows, by a proxy without faults.
make_watcher() {
    ip netns add "$WATCHER"
    ip -n "$WATCHER" link set dev lo up
    ip -n "$WATCHER" address add "$PROXY/32" dev lo
    ip -n "$WATCHER" link add eth0 type veth peer name look netns "${NET}r"
    ip -n "$WATCHER" address add 10.212.0.2/24 dev eth0
    ip -n "$WATCHER" link set dev eth0 up
    ip -n "${NET}r" address add 10.212.0.1/24 dev look
    ip -n "${NET}r" link set dev look up
    ip -n "$WATCHER" route add "$(address_of r)" via 10.212.0.1
}

# Disks that fill up without harm to anybody else.
make_disks() {
    local name
    for name in coordinator $AGENTS; do
        mkdir -p "$WORLD/$name"
        mount -t tmpfs -o "size=$([ "$name" = coordinator ] && echo 48 || echo 160)m" chaos "$WORLD/$name"
    done
}

# NAME ARCHES: keeps a book of its builds beside its images, which is all that a builder may write to.
make_agent() {
    local store=$WORLD/$1/state/storage
    mkdir -p "$store"
    sed -e "s|@STORE@|$store|g" tests/e2e/chaos/builder.sh >"$WORLD/builder-$1"
    chmod 755 "$WORLD/builder-$1"
    world_agent_config "$1" "$2" "builder-command: $WORLD/builder-$1" |
        sed "s|^  root: .*|  root: $store|" >"$WORLD/$1.yml"
}

# What tells how it came to that.
keep_notes() {
    local file
    for file in "$WORLD"/{tags,outsider,proxy/requests,*/state/storage/builds}; do
        [ ! -e "$file" ] || cp "$file" "$WORLD/log/$(sed "s|^$WORLD/||; s|/.*/|-|; s|/|-|" <<<"$file")"
    done
}

finish() {
    keep_notes
    world_stop
    remove_network
    ip netns del "$WATCHER" 2>/dev/null || true
    world_give_back_files
}

# What is left of this world when all is over.
remains() {
    local pid
    for pid in /proc/[0-9]*; do
        ! grep -qsaF -e "$WORLD/" "$pid/cmdline" || echo "process ${pid#/proc/}: $(tr '\0' ' ' <"$pid/cmdline")"
    done
    awk -v dir="$WORLD/" 'index($5, dir) == 1 { print "mount " $5 }' /proc/self/mountinfo
    ip netns list | grep -oE "^$NET[a-z]" | sed 's/^/namespace /' || true
    find "$WORLD" -mindepth 1 -maxdepth 1 ! -name log | sed 's/^/file /'
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "chaos: T=$seconds SEED=$seed (make chaos T=$seconds SEED=$seed repeats this schedule of faults)"
remove_orphans
make_network
PROXY=$(address_of p)
make_watcher
mkdir -p "$WORLD"/{proxy,view,pids,log,source}
make_disks
world_start "ping-ms: 300" "suspect-ms: 1000" "lease-ms: 4000" "permit-ms: 3000"
sed -i "/^registries:/a\\  - host: \"$PROXY:5000\"\\n    plain-http: true" "$WORLD/lkcoordd.yml"
make_agent amd64-1 amd64
make_agent arm64-1 arm64
make_agent s390x-1 s390x
make_agent spare-1 "amd64, arm64, s390x"
world_kill coordinator
world_kill registry

status=0
python3 tests/e2e/chaos/chaos.py "$seconds" "$seed" || status=$?
finish
left=$(remains)
if [ -n "$left" ]; then
    echo "violation: something is left behind"
    echo "$left"
    status=1
fi
if [ "$status" -eq 0 ]; then rm -rf "$WORLD"; else echo "logs are in $WORLD/log"; fi
echo "$((status == 0)) passed, $((status != 0)) failed"
exit "$status"
