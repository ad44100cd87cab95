#
# Loaded, instead of helper, by the tests of what lkcoord does without a coordinator: with its own private one.

load ../e2e/helper

setup_file() {
    start_world
    mkdir -p "$WORLD/state" "$WORLD/home"
}

# CONFIGURED is the coordinator that nobody told lkcoord about, STATE where the private one works.
without_coordinator() {
    world_load
    cd "$WORLD/source"
    CONFIGURED=$LKCOORD_CONFIG
    unset LKCOORD_CONFIG
    export HOME=$WORLD/home XDG_STATE_HOME=$WORLD/state XDG_CONFIG_HOME=$WORLD/none
    export CONTAINERS_REGISTRIES_CONF=$WORLD/registries.conf
    NATIVE=$(dpkg --print-architecture)
    STATE=$XDG_STATE_HOME/lkcoord
}

setup() {
    without_coordinator
}

# What a failed test has left behind.
teardown() {
    local pid
    for pid in $(daemons); do kill -KILL "$pid" || true; done
}

# The private daemons that are alive.
daemons() {
    ps -eo pid=,stat=,args= | awk -v state="$STATE/" '$2 !~ /^Z/ && $3 ~ /lk(coord|agent)d$/ && index($0, state) { print $1 }'
}
