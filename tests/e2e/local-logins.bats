# Without a coordinator it is the logins of whoever types the command that count, wherever Docker keeps them.

load local_helper
load closed_helper

setup_file() {
    start_world
    start_closed passwords coordinator "$password"
    start_closed_with_tokens tokens
    install_helper
}

setup() {
    without_coordinator
    unset DOCKER_CONFIG REGISTRY_AUTH_FILE
    HERE=$BATS_TEST_TMPDIR
    export HOME=$HERE/home XDG_STATE_HOME=$WORLD/state$BATS_TEST_NUMBER PATH=$WORLD/helpers:$PATH
    STATE=$XDG_STATE_HOME/lkcoord
    mkdir -p "$HOME/.docker" "$HERE/docker"
    : >"$WORLD/helpers/asked"
}

# docker-credential-fake: the login of every registry.
install_helper() {
    mkdir -p "$WORLD/helpers"
    cat >"$WORLD/helpers/docker-credential-fake" <<END
#!/bin/sh
read server
echo "\$1 \$server" >>"$WORLD/helpers/asked"
echo '{"Username": "coordinator", "Secret": "$password"}'
END
    chmod 755 "$WORLD/helpers/docker-credential-fake"
}

# NAME REGISTRY: a new package, pushed there; its arch is left in $found.
push_new() {
    new_small_package "$1" "arches: [$NATIVE]"
    REGISTRY=$(address "$2") push "$1"
    [ "$status" -ne 0 ] || is_right "$published"
}

is_right() {
    login passwords "$password" >"$HERE/reader.json"
    login tokens "$password" | jq -s '.[0] * .[1]' "$HERE/reader.json" - >"$HERE/readers.json"
    [ "$(REGISTRY_AUTH_FILE=$HERE/readers.json raw "$1" | jq -r '.manifests[].platform.architecture')" = "$NATIVE" ]
}

# The password is not kept by the daemons, nor said.
is_secret() {
    run ! grep -rlaF "$password" "$WORLD/log" "$XDG_STATE_HOME"
}

@test "docker login's own file opens a registry with passwords, for the agent too" {
    login passwords "$password" >"$HOME/.docker/config.json"
    push_new plain passwords
    [ "$status" -eq 0 ]
    grep lkagentd "$WORLD/passwords/access.log" | grep -qE '"PUT [^"]*/manifests/[^"]*" 201'
    lkcoord verify --key "$STATE/signing.pub" "$published"
    is_secret
}

@test "a registry with tokens gets the password only where tokens are made" {
    login tokens "$password" >"$HOME/.docker/config.json"
    push_new token tokens
    [ "$status" -eq 0 ]
    run ! grep ' lkagentd ' "$WORLD/tokens/asked"
    is_secret
}

@test "credsStore and credHelpers are asked, in DOCKER_CONFIG" {
    export DOCKER_CONFIG=$HERE/docker
    echo '{"credsStore": "fake"}' >"$DOCKER_CONFIG/config.json"
    push_new store passwords
    [ "$status" -eq 0 ]
    grep -q "^get $(address passwords)$" "$WORLD/helpers/asked"

    : >"$WORLD/helpers/asked"
    jq -n --arg host "$(address passwords)" '{credHelpers: {($host): "fake"}, credsStore: "absent"}' >"$DOCKER_CONFIG/config.json"
    push_new helpers passwords
    [ "$status" -eq 0 ]
    grep -q "^get $(address passwords)$" "$WORLD/helpers/asked"
}

@test "REGISTRY_AUTH_FILE goes before DOCKER_CONFIG, and that before the home; a relative path is the command's" {
    login passwords wrong >"$HOME/.docker/config.json"
    push_new wrong-home passwords
    [ "$status" -eq 5 ]

    login passwords "$password" >"$HERE/docker/config.json"
    DOCKER_CONFIG=$HERE/docker push_new right-config passwords
    [ "$status" -eq 0 ]

    login passwords wrong >"$HERE/docker/config.json"
    login passwords "$password" >"$HERE/auth.json"
    export REGISTRY_AUTH_FILE=$HERE/auth.json
    DOCKER_CONFIG=$HERE/docker push_new right-file passwords
    [ "$status" -eq 0 ]

    REGISTRY_AUTH_FILE=$(realpath --relative-to "$PWD" "$HERE/auth.json") push_new relative passwords
    [ "$status" -eq 0 ]
    unset REGISTRY_AUTH_FILE
    login passwords "$password" >"$HERE/docker/config.json"
    DOCKER_CONFIG=$(realpath --relative-to "$PWD" "$HERE/docker") push_new relative-too passwords
    [ "$status" -eq 0 ]
}

@test "without a login the push is refused, and says to log in" {
    push_new nobody passwords
    [ "$status" -eq 5 ]
    grep -q "registry $(address passwords).*log in" <<<"$output"
    run ! grep agent-logins <<<"$output"
    login passwords wrong-as-can-be >"$HOME/.docker/config.json"
    push_new somebody passwords
    [ "$status" -eq 5 ]
    grep -q "registry $(address passwords)" <<<"$output"
    run ! grep wrong-as-can-be <<<"$output"
}
