#
# Sourced by the demo and the end-to-end tests: a whole lkcoord world on loopback.
#
#   WORLD=DIR world_start [LINE...]   registry with base images, keys, coordinator (LINEs are added to
#                                     its configuration)
#   world_agent NAME ARCH [LINE...]   one more agent, with a builder's store of its own
#   world_wait_agents N               until N agents are there
#   world_kill NAME [SIGNAL]          one of registry, coordinator, or an agent's name
#   registry_again                    the registry once more, after it was killed
#   world_load                        takes up a world that another process has started
#   world_stop                        ends and undoes everything; keeps WORLD/log
#
# All that must be undone is written in files below WORLD first, so that any process can do it.  After
# world_start: REGISTRY, LKCOORD_CONFIG, SIGNING_KEY (its public half), COSIGN_PASSWORD.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$ROOT/tests/tools/registry.sh"
. "$ROOT/tests/tools/emulation.sh"

CONFIG=${CONFIG:-dev}
if [ "$CONFIG" = dev ]; then LK_BIN=$ROOT/build/bin; else LK_BIN=$ROOT/build/$CONFIG/bin; fi
if [ -n "${BIN-}" ]; then LK_BIN=$(cd "$ROOT" && realpath -m "$BIN"); fi
PATH=$LK_BIN:$PATH

# Sanitizers' findings end the program and go to the log that is kept.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# WHAT SECONDS COMMAND...: until the command succeeds; machines are noisy, so it may take three times as long.
world_wait() {
    local what=$1 deadline=$((SECONDS + 3 * $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "gave up waiting for $what; logs are in $WORLD/log" >&2
            return 1
        fi
        sleep 0.05
    done
}

# NAME COMMAND...: in the background, in a session of its own, by which its children are found.
world_spawn() {
    local name=$1
    shift
    setsid "$@" </dev/null >>"$WORLD/log/$name.log" 2>&1 3>&- 4>&- &
    echo $! >"$WORLD/pids/$name"
    disown $!
}

world_is_running() {
    [ -e "$WORLD/pids/$1" ] && kill -0 "$(cat "$WORLD/pids/$1")" 2>/dev/null
}

world_kill() {
    local pid
    [ -e "$WORLD/pids/$1" ] || return 0
    pid=$(cat "$WORLD/pids/$1")
    kill -"${2:-TERM}" "$pid" 2>/dev/null || return 0
    world_wait "the end of $1" 10 world_has_ended "$pid"
}

world_save() {
    declare -p REGISTRY COORDINATOR_AGENTS COORDINATOR_CLIENTS >"$WORLD/env"
    sed -i 's/^declare --/declare -g/' "$WORLD/env"
}

world_load() {
    [ ! -e "$WORLD/env" ] || . "$WORLD/env"
    export LKCOORD_CONFIG=$WORLD/config.yml COSIGN_PASSWORD=open-sesame
    # Nobody's own logins; and docker-registry would take the second for its setting `auth: file`.
    export DOCKER_CONFIG=$WORLD/no-logins
    unset REGISTRY_AUTH_FILE
    # Nor anybody's own images.
    export CONTAINERS_STORAGE_CONF=$WORLD/storage.conf
    SIGNING_KEY=$WORLD/keys/signing.pub
}

world_registry() {
    ln -s ../registry/pid "$WORLD/pids/registry"
    registry_start "$WORLD/registry"
    disown "$REGISTRY_PID"
    ln -s ../registry/access.log ../registry/registry.log "$WORLD/log/"
    "$ROOT/tests/tools/base-images.sh" "$REGISTRY"
    cat >"$WORLD/registries.conf" <<END
unqualified-search-registries = []
[[registry]]
prefix = "base.lkcoord.example"
location = "$REGISTRY/base"
insecure = true

[[registry]]
location = "$REGISTRY"
insecure = true
END
}

# The same registry again: its address, its data.  REGISTRY_ON: the beginning of its command.
registry_again() {
    sed -i "s/^  addr: .*/  addr: $REGISTRY/" "$WORLD/registry/config.yml"
    setsid "${REGISTRY_ON[@]}" docker-registry serve "$WORLD/registry/config.yml" </dev/null \
        >>"$WORLD/registry/access.log" 2>>"$WORLD/registry/registry.log" 3>&- 4>&- &
    echo $! >"$WORLD/registry/pid"
    disown $!
    world_wait "the registry" 60 "${REGISTRY_ON[@]}" curl -sf "http://$REGISTRY/v2/"
}

world_keys() {
    local name
    mkdir -p "$WORLD/keys"
    for name in coordinator maintainer amd64-1 arm64-1 s390x-1 spare-1; do
        lkcoord keys new --directory "$WORLD/keys" "$name" >/dev/null
    done
    lkcoord keys new --directory "$WORLD/keys" --signing signing >/dev/null
}

world_coordinator_config() {
    local line
    cat <<END
agents-endpoint: tcp://127.0.0.1:0
clients-endpoint: tcp://127.0.0.1:0
key: $WORLD/keys/coordinator.key
state: $WORLD/coordinator
agents:
  amd64-1: $WORLD/keys/amd64-1.pub
  arm64-1: $WORLD/keys/arm64-1.pub
  s390x-1: $WORLD/keys/s390x-1.pub
  spare-1: $WORLD/keys/spare-1.pub
clients:
  maintainer: $WORLD/keys/maintainer.pub
registries:
  - host: "$REGISTRY"
    plain-http: true
signing:
  key: $WORLD/keys/signing.key
END
    for line; do echo "$line"; done
}

# Also starts it again after it was killed: at the addresses that everybody knows by then.
world_coordinator() {
    local endpoints=$WORLD/coordinator/endpoints
    rm -f "$endpoints"
    world_spawn coordinator lkcoordd --config "$WORLD/lkcoordd.yml"
    world_wait "the coordinator's start" 20 world_coordinator_is_up || {
        cat "$WORLD/log/coordinator.log" >&2
        return 1
    }
    COORDINATOR_AGENTS=$(awk '$1 == "agents" { print $2 }' "$endpoints")
    COORDINATOR_CLIENTS=$(awk '$1 == "clients" { print $2 }' "$endpoints")
    sed -i -e "s|^agents-endpoint:.*|agents-endpoint: $COORDINATOR_AGENTS|" \
        -e "s|^clients-endpoint:.*|clients-endpoint: $COORDINATOR_CLIENTS|" "$WORLD/lkcoordd.yml"
}

world_coordinator_is_up() {
    grep -q '^clients ' "$WORLD/coordinator/endpoints"
}

world_start() {
    mkdir -p "$WORLD"/{log,pids,coordinator,no-logins}
    echo '{}' >"$WORLD/no-logins/config.json"
    # vfs mounts nothing that would have to be undone.
    cat >"$WORLD/storage.conf" <<END
[storage]
driver = "vfs"
graphroot = "$WORLD/images"
runroot = "$WORLD/images-run"
END
    world_load
    emulation_need "$WORLD/pids/emulation"
    world_registry
    world_keys
    world_coordinator_config "$@" >"$WORLD/lkcoordd.yml"
    world_coordinator
    cat >"$LKCOORD_CONFIG" <<END
coordinator: $COORDINATOR_CLIENTS
coordinator-key: $WORLD/keys/coordinator.pub
key: $WORLD/keys/maintainer.key
END
    world_save
}

world_agent_config() {
    local name=$1 arch=$2 line
    cat <<END
coordinator: $COORDINATOR_AGENTS
coordinator-key: $WORLD/keys/coordinator.pub
key: $WORLD/keys/$name.key
state: $WORLD/$name/state
slots: 1
arches: [$arch]
builder: buildah
runtime: runc
storage:
  root: $WORLD/$name/root
  runroot: $WORLD/$name/runroot
  driver: overlay
registries-conf: $WORLD/registries.conf
END
    for line in "${@:3}"; do echo "$line"; done
}

world_agent() {
    mkdir -p "$WORLD/$1/state"
    world_agent_config "$@" >"$WORLD/$1.yml"
    world_agent_again "$1"
}

world_agent_again() {
    world_spawn "$1" lkagentd --config "$WORLD/$1.yml"
}

world_wait_agents() {
    world_wait "$1 agents" 20 world_has_agents "$1" || {
        tail -n 5 "$WORLD"/log/*-1.log >&2
        return 1
    }
}

world_has_agents() {
    [ "$(lkcoord agents | grep -cE '^[a-z0-9]+-1  there')" -ge "$1" ]
}

# Builders' containers are sessions of their own, but their root directory lies in our stores.
world_strays() {
    local file pid
    for file in /proc/[0-9]*/mountinfo; do
        awk -v dir="$WORLD/" '$5 == "/" && index($0, dir) { found = 1 } END { exit !found }' \
            "$file" 2>/dev/null || continue
        pid=${file#/proc/}
        echo "${pid%/mountinfo}"
    done
}

world_has_ended() {
    local state
    state=$(ps -o stat= -p "$1") || return 0
    [[ $state == Z* ]]
}

# Ten seconds for all together to end by themselves.  What this shell has started a moment ago, and not
# yet noted when it was interrupted, is still among its jobs.
world_end_processes() {
    local file pid pids deadline=$((SECONDS + 10))
    mapfile -t pids < <(jobs -p)
    for file in "$WORLD"/pids/*; do
        [ ! -e "$file" ] || pids+=("$(cat "$file")")
    done
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        until world_has_ended "$pid" || [ "$SECONDS" -ge "$deadline" ]; do
            sleep 0.1
        done
        pkill -KILL -s "$pid" || true
    done
    for pid in $(world_strays); do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

world_unmount() {
    awk -v dir="$WORLD/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r path; do
            umount "$path" 2>/dev/null || umount -l "$path" || true
        done
}

world_stop() {
    [ -d "$WORLD/pids" ] || return 0
    world_end_processes
    world_unmount
    emulation_undo
    rm -f "$WORLD"/log/access.log "$WORLD"/log/registry.log
    cp "$WORLD"/registry/*.log "$WORLD/log/" 2>/dev/null || true
    find "$WORLD" -mindepth 1 -maxdepth 1 ! -name log ! -name pids -exec rm -rf {} +
    rm -rf "$WORLD/pids"
}

# What root made below build/ goes back to the user who called sudo.
world_give_back_files() {
    [ -z "${SUDO_UID-}" ] || chown -hR "$SUDO_UID:${SUDO_GID:-0}" "$ROOT/build"
}
