#
# Sourced after world.sh: hosts of its own for each part of a world, network namespaces joined by a bridge.
#
#   OCTETS                a name for each host, of one letter, and the last octet of its address
#   NET                   what the namespaces' names begin with: lk and the number of the process they belong to
#   host_of NAME          to be defined: on which host a process of the world runs
#   make_network          makes them; remove_network takes them away, remove_orphans those of killed tests
#   on HOST COMMAND...    cut_off HOST    join_again HOST
#
# From then on world_start and world_spawn put each process where it belongs.  Coordinator: c, registry: r.

address_of() {
    echo "10.211.0.${OCTETS[$1]}"
}

on() {
    nsenter --net="/run/netns/$NET$1" -- "${@:2}"
}

make_host() {
    ip netns add "$NET$1"
    ip -n "$NET$1" link set dev lo up
    ip -n "$NET$1" link add eth0 type veth peer name "$1" netns "${NET}s"
    ip -n "$NET$1" address add "$(address_of "$1")/24" dev eth0
    ip -n "$NET$1" link set dev eth0 up
    ip -n "${NET}s" link set dev "$1" master switch up
}

make_network() {
    local host
    ip netns add "${NET}s"
    ip -n "${NET}s" link add switch type bridge
    ip -n "${NET}s" link set dev switch up
    for host in "${!OCTETS[@]}"; do make_host "$host"; done
}

remove_network() {
    local host
    for host in s "${!OCTETS[@]}"; do ip netns del "$NET$host" 2>/dev/null || true; done
}

# A killed test leaves its hosts behind; its number was that of its process.
remove_orphans() {
    local name number
    for name in $(ip netns list | grep -oE '^lk[0-9]+[a-z]\b'); do
        number=${name//[!0-9]/}
        [ -e "/proc/$number" ] || ip netns del "$name"
    done
}

cut_off() {
    ip -n "${NET}s" link set dev "$1" down
}

join_again() {
    ip -n "${NET}s" link set dev "$1" up
}

world_spawn() {
    local name=$1
    shift
    setsid nsenter --net="/run/netns/$NET$(host_of "$name")" -- "$@" </dev/null \
        >>"$WORLD/log/$name.log" 2>&1 3>&- 4>&- &
    echo $! >"$WORLD/pids/$name"
    disown $!
}

eval "$(declare -f world_registry | sed '1s/.*/registry_on_loopback ()/')"
eval "$(declare -f world_coordinator_config | sed '1s/.*/configuration_for_loopback ()/')"

# It gets its base images while it can still be reached from here.
world_registry() {
    registry_on_loopback
    world_kill registry
    sed -i "s|$REGISTRY|$(address_of r):5000|" "$WORLD/registries.conf"
    REGISTRY=$(address_of r):5000
    REGISTRY_ON=(nsenter --net="/run/netns/${NET}r" --)
    registry_again
}

world_coordinator_config() {
    configuration_for_loopback "$@" | sed "s|tcp://127.0.0.1:0|tcp://$(address_of c):0|"
}
