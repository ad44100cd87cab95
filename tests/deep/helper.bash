#
# Loaded by the fault tests: builders that count and wait, a registry behind a gate, and looks at a push.

load ../e2e/helper

# Below the agent's state: then it is its own, to clean up too.
store_of() {
    echo "$WORLD/$1/state/storage"
}

# NAME: makes $WORLD/builder-NAME: buildah, with a line in the file `builds` for each build.  It waits before its
# work while there is a file `hold`, after it while there is `keep`, and leaves its mark on the image, so that
# one sees whose it is.  The files are in its store, which is all that a builder may write to.
make_builder() {
    local notes
    notes=$(store_of "$1")
    mkdir -p "$notes"
    cat >"$WORLD/builder-$1" <<END
#!/bin/bash
case " \$* " in *" bud "*) ;; *) exec buildah "\$@" ;; esac
echo begun >>"$notes/builds"
while [ -e "$notes/hold" ]; do sleep 0.05; done
for argument; do
    shift
    set -- "\$@" "\$argument"
    [ "\$argument" != bud ] || set -- "\$@" --label built-by=$1
done
buildah "\$@" || exit
while [ -e "$notes/keep" ]; do sleep 0.05; done
END
    chmod 755 "$WORLD/builder-$1"
}

# NAME: an agent for amd64 whose builder counts and waits.
start_counting_agent() {
    make_builder "$1"
    world_agent_config "$1" amd64 "builder-command: $WORLD/builder-$1" |
        sed "s|^  root: .*|  root: $(store_of "$1")|" >"$WORLD/$1.yml"
    world_agent_again "$1"
}

count_builds() {
    cat "$WORLD"/*/state/storage/builds 2>/dev/null | wc -l
}

has_builds() {
    [ "$(count_builds)" -ge "$1" ]
}

# hold|keep NAME...
make_wait() {
    local name
    for name in "${@:2}"; do touch "$(store_of "$name")/$1"; done
}

let_go() {
    local name
    for name; do rm -f "$(store_of "$name")"/{hold,keep}; done
}

forget_builds() {
    rm -f "$WORLD"/*/state/storage/{builds,hold,keep}
}

# NAME: no process of that agent's builder is left, no container, no directory of a job.
is_clean() {
    local file
    for file in /proc/[0-9]*/cmdline; do
        ! grep -qsaF -e "$WORLD/builder-$1" -e "$(store_of "$1")" "$file" || return 1
    done
    [ -z "$(ls -A "$WORLD/$1/state/work")" ] && [ -z "$(ls -A "$WORLD/$1/state/built")" ] &&
        [ -z "$(buildah --root "$(store_of "$1")" --runroot "$WORLD/$1/runroot" containers -q)" ]
}

wait_clean() {
    world_wait "the end of all that $1 did" 60 is_clean "$1" || {
        ls -A "$WORLD/$1/state/work"
        buildah --root "$(store_of "$1")" --runroot "$WORLD/$1/runroot" containers
        pgrep -af "$(store_of "$1")"
        return 1
    } >&2
}

# LINE...: replaces or adds keys of the coordinator's configuration, and starts it again if that is another one.
reconfigure() {
    local line changed=
    for line; do
        ! grep -qxF "$line" "$WORLD/lkcoordd.yml" || continue
        sed -i "/^${line%%:*}:/d" "$WORLD/lkcoordd.yml"
        echo "$line" >>"$WORLD/lkcoordd.yml"
        changed=yes
    done
    [ -n "$changed" ] || return 0
    world_kill coordinator
    world_coordinator
}

# The registry once more, as another host, where agents' requests can be held (tests/tools/gate.py).
start_gate() {
    mkdir -p "$WORLD/gate"
    world_spawn gate "$ROOT/tests/tools/gate.py" "$REGISTRY" "$WORLD/gate" "${REGISTRY%:*}"
    world_wait "the gate" 60 test -e "$WORLD/gate/port"
    GATE=${REGISTRY%:*}:$(cat "$WORLD/gate/port")
    sed -i "/^registries:/a\\  - host: \"$GATE\"\\n    plain-http: true" "$WORLD/lkcoordd.yml"
    world_kill coordinator
    world_coordinator
}

# POINT: the next request of that kind stops there.
close_gate() {
    touch "$WORLD/gate/$1"
}

wait_at_gate() {
    world_wait "an agent at $1" 60 test -e "$WORLD/gate/at-$1"
}

open_gates() {
    rm -f "$WORLD"/gate/before-* "$WORLD"/gate/after-* "$WORLD"/gate/at-*
}

# ORG ARGUMENT...: the number of a detached push.
push_detached() {
    lkcoord push --detach --org "$@" 2>/dev/null
}

# ID FILTER: true if a job of the push is as the filter says.
has_job() {
    local status
    # jq finds nothing wrong with nothing.
    status=$(lkcoord status --output json "$1") && [ -n "$status" ] &&
        jq -e "[.. | objects | select(has(\"arch\") and has(\"attempt\")) | select($2)] | length > 0" <<<"$status"
}

wait_job() {
    world_wait "a job with $2" "${3:-60}" has_job "$1" "$2"
}

# ORG NAME: the published reference, digest and all.
published_as() {
    local tagged
    tagged=$(lkcoord show-tag --org "$1" "$2")
    echo "$tagged@$(skopeo inspect --raw --tls-verify=false "docker://$tagged" | sha256sum | sed 's/ .*//; s/^/sha256:/')"
}

# ORG NAME [BUILDER]: the tag holds an index of one architecture that is complete, signed and, if a builder
# is named, of its making; the arch tag says the same.
is_right() {
    local reference child
    reference=$(published_as "$1" "$2")
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$reference"
    [ "$(arches_of "$reference")" = amd64 ]
    child=$(raw "$reference" | jq -r '.manifests[0].digest')
    [ "sha256:$(raw "${reference%@*}-amd64" | sha256sum | cut -d ' ' -f 1)" = "$child" ]
    [ $# -lt 3 ] || [ "$(built_by "${reference%@*}")" = "$3" ]
}

built_by() {
    skopeo inspect --config --tls-verify=false --override-arch amd64 "docker://$1" |
        jq -r '.config.Labels["built-by"]'
}

pid_of() {
    cat "$WORLD/pids/$1"
}

# ARGUMENT...: a push in the background; its words go to $WORLD/log/client.err, its results to client.out.
push_aside() {
    # Here, not in the process that is to come: who looks for its words must not find an earlier one's.
    : >"$WORLD/log/client.err"
    lkcoord push --progress plain "$@" >"$WORLD/log/client.out" 2>"$WORLD/log/client.err" 3>&- &
    client=$!
}

# The number that the background push was told.
aside_id() {
    world_wait "the push's number" 60 grep -q '^push [0-9]' "$WORLD/log/client.err"
    sed -nE 's/^push ([0-9]+).*/\1/p' "$WORLD/log/client.err" | head -n 1
}
