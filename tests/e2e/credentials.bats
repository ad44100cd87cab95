# Registries with passwords and with tokens: who gets what, and where secrets must not lie.

load helper
load closed_helper

agent_password=staple-of-an-agent

# NAME ARCH...: the coordinator's login, and one for the agents of these architectures.
registry_entry() {
    local arch
    cat <<END
  - host: "$(address "$1")"
    plain-http: true
    user: coordinator
    password-file: $WORLD/coordinator-password
END
    [ $# -eq 1 ] || echo "    agent-logins:"
    for arch in "${@:2}"; do
        echo "      $arch: {user: agent, password-file: $WORLD/agent-password}"
    done
}

# Where the closed registries are is known only now: the coordinator is told at a second start.
configure_registries() {
    {
        registry_entry passwords amd64 arm64
        registry_entry strict
        registry_entry token-registry
    } >"$WORLD/entries"
    sed -i "/^registries:/r $WORLD/entries" "$WORLD/lkcoordd.yml"
    world_kill coordinator
    world_coordinator
}

write_secrets() {
    local name
    (umask 077 && echo "$password" >"$WORLD/coordinator-password" &&
        echo "$agent_password" >"$WORLD/agent-password")
    for name in passwords strict token-registry; do
        login "$name" "$password"
    done | jq -s 'reduce .[] as $one ({}; . * $one)' >"$WORLD/auth.json"
}

setup_file() {
    start_world
    start_closed passwords coordinator "$password"
    htpasswd -nbB agent "$agent_password" >>"$WORLD/passwords/htpasswd"
    start_closed strict coordinator "$password"
    start_closed_with_tokens token-registry
    write_secrets
    configure_registries
    start_agents amd64 arm64
}

# REGISTRY-NAME ARGUMENT...: pushes there; skopeo may read there, too.
push_to() {
    REGISTRY=$(address "$1")
    export REGISTRY_AUTH_FILE=$WORLD/auth.json
    push "${@:2}"
}

# FILE: no line of it is in a log, in the coordinator's state or in an agent's.
lies_nowhere() {
    [ -s "$1" ]
    run ! grep -rlaF -f "$1" "$WORLD/log" "$WORLD/coordinator" "$WORLD"/*-1/state "$WORLD"/*/access.log
}

# NAME: of a package for the agents that are there.
package() {
    new_small_package "$1" "arches: [amd64, arm64]"
}

is_building() {
    lkcoord status --output json "$1" | grep -q '"building"'
}

@test "a registry with passwords: agents push with what is configured for their architecture" {
    package closed
    push_to passwords closed
    [ "$status" -eq 0 ]
    [ "$(arches_of "$published")" = "amd64 arm64" ]
    grep lkagentd "$WORLD/passwords/access.log" | grep -qE '"PUT [^"]*/manifests/[^"]*" 201'
}

@test "it is their own password that agents use" {
    package theirs
    echo a-wrong-one >"$WORLD/agent-password"
    push_to passwords theirs
    echo "$agent_password" >"$WORLD/agent-password"
    [ "$status" -eq 5 ]
    grep -q "registry $REGISTRY, repository demo/theirs" <<<"$output"
    run ! grep -q a-wrong-one <<<"$output"
}

@test "no password lies in a log, in the journal or with an agent" {
    lies_nowhere "$WORLD/coordinator-password"
    lies_nowhere "$WORLD/agent-password"
}

@test "a registry with passwords and none for agents ends the push, and says what to configure" {
    package strict
    push_to strict strict
    [ "$status" -eq 5 ]
    grep -qE 'agent-logins\.(amd64|arm64)' <<<"$output"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" strict)"
}

@test "a registry with tokens: agents get a token for one repository, and only the coordinator asks" {
    package tokens
    push_to token-registry tokens
    [ "$status" -eq 0 ]
    cat "$WORLD/tokens/asked"
    run ! grep -v '^granted coordinator lkcoordd ' "$WORLD/tokens/asked"
    run ! grep -v ' repository:demo/tokens:pull,push$' "$WORLD/tokens/asked"
    grep '/demo/tokens/' "$WORLD/token-registry/access.log" | grep lkagentd |
        grep -qE '"PUT [^"]*/manifests/[^"]*" 201'
    [ "$(arches_of "$published")" = "amd64 arm64" ]
}

# REPOSITORY: the answer's status when $token wants to write there.
open_upload() {
    curl -s -o /dev/null -w '%{http_code}' -X POST -H "Authorization: Bearer $token" \
        "http://$(address token-registry)/v2/demo/$1/blobs/uploads/"
}

@test "a ticket opens no other repository" {
    for token in $(cat "$WORLD/tokens/tokens"); do
        [ "$(open_upload other)" = 401 ]
    done
    token=$(head -n 1 "$WORLD/tokens/tokens")
    [ "$(open_upload tokens)" = 202 ]
}

@test "a ticket that ran out is renewed" {
    new_package late "arches: [amd64]" <<'END'
FROM base.lkcoord.example/busybox:1
RUN sleep 3
END
    REGISTRY=$(address token-registry)
    id=$(lkcoord push --detach --org "$REGISTRY/demo" late)
    world_wait "the build" 20 is_building "$id"
    # While it builds nobody asks.  Then the coordinator does, for itself and for the agent.
    printf '0\n0\n' >"$WORLD/tokens/lifetimes"
    run -0 lkcoord watch "$id"
    grep 'demo/late' "$WORLD/tokens/asked" | grep -q '^granted coordinator lkcoordd 0 '
    grep '/demo/late/' "$WORLD/token-registry/access.log" | grep lkagentd | grep -q '" 401 '
}

# NAME: a package of one layer that has to be sent by PATCH.
large_package() {
    mkdir -p "$WORLD/source/$1"
    head -c 3000000 /dev/urandom >"$WORLD/source/$1/data"
    new_package "$1" "arches: [amd64]" <<END
FROM scratch
COPY data /data
END
}

@test "a ticket that ends while a blob is sent is renewed, and the blob is sent once" {
    local proxy
    mkdir "$WORLD/proxy"
    world_spawn proxy "$ROOT/tests/tools/faulty-proxy.py" "$WORLD/proxy" "$(address token-registry)"
    world_wait "the proxy" 20 test -s "$WORLD/proxy/address"
    proxy=$(cat "$WORLD/proxy/address")
    large_package lasting
    # Each ticket is shorter than the sending.
    for _ in {1..200}; do echo 3; done >"$WORLD/tokens/lifetimes"
    echo "20 PATCH /uploads/ slow 5" >"$WORLD/proxy/faults"
    (
        export DOCKER_CONFIG=$WORLD/lasting
        mkdir -p "$DOCKER_CONFIG"
        jq --arg proxy "$proxy" --arg host "$(address token-registry)" '.auths[$proxy] = .auths[$host]' "$WORLD/auth.json" \
            >"$DOCKER_CONFIG/config.json"
        world_kill coordinator
        world_coordinator
    )
    world_wait_agents 2
    REGISTRY=$proxy push --timeout 60 lasting
    rm "$WORLD/tokens/lifetimes"
    cat "$WORLD/proxy/requests"
    [ "$status" -eq 0 ]
    grep -qE '^PUT 401 .*/uploads/.* lkagentd ' "$WORLD/proxy/requests"
    [ "$(grep '^PATCH ' "$WORLD/proxy/requests" | awk '{ bytes += $3 } END { print bytes + 0 }')" -lt 3100000 ]
}

@test "no token lies in a log, in the journal or with an agent, nor does the password" {
    lies_nowhere "$WORLD/tokens/tokens"
    lies_nowhere "$WORLD/coordinator-password"
}

@test "a wrong password ends the push, names the registry and is not shown" {
    package wrong
    echo a-wrong-one >"$WORLD/coordinator-password"
    push_to passwords wrong
    echo "$password" >"$WORLD/coordinator-password"
    [ "$status" -eq 5 ]
    grep -q "$REGISTRY" <<<"$output"
    run ! grep -q a-wrong-one <<<"$output"
}

@test "a layer that another repository has is mounted, not sent again" {
    package first
    package second
    push_to passwords --platforms linux/amd64 first
    push_to passwords --platforms linux/amd64 second
    [ "$status" -eq 0 ]
    layer=$(raw "${published%@*}-amd64" | jq -r '.layers[0].digest')
    grep '/demo/second/blobs' "$WORLD/passwords/access.log" | tee "$BATS_TEST_TMPDIR/access"
    grep -qE "\"POST [^\"]*mount=${layer/:/(:|%3[Aa])}[^\"]*\" 201" "$BATS_TEST_TMPDIR/access"
    run ! grep -qE "\"PUT [^\"]*digest=${layer/:/(:|%3[Aa])}" "$BATS_TEST_TMPDIR/access"
}

@test "with tickets for one repository nothing is mounted, and the push does not suffer" {
    package third
    package fourth
    push_to token-registry --platforms linux/amd64 third
    push_to token-registry --platforms linux/amd64 fourth
    [ "$status" -eq 0 ]
    grep lkagentd "$WORLD/token-registry/access.log" | grep '/demo/fourth/' >"$BATS_TEST_TMPDIR/access"
    run ! grep -E 'mount=|" 401 ' "$BATS_TEST_TMPDIR/access"
}

# docker-credential-fake: the login of every registry, for whoever runs with $WORLD/helpers in PATH.
install_helper() {
    mkdir -p "$WORLD/helpers" "$WORLD/docker"
    cat >"$WORLD/helpers/docker-credential-fake" <<END
#!/bin/sh
read server
echo "\$1 \$server" >>"$WORLD/helpers/asked"
jq -nc --rawfile secret "$WORLD/coordinator-password" '{Username: "coordinator", Secret: (\$secret | rtrimstr("\\n"))}'
END
    chmod 755 "$WORLD/helpers/docker-credential-fake"
    echo '{"credsStore": "fake"}' >"$WORLD/docker/config.json"
}

@test "what the coordinator's user is logged in to needs no entry, and agents still get tokens only" {
    package helped
    install_helper
    cp "$WORLD/lkcoordd.yml" "$WORLD/lkcoordd.yml.before"
    # The token registry's entry is the last: host, plain-http, user, password-file.
    sed -i "/host: \"$(address token-registry)\"/,+3d" "$WORLD/lkcoordd.yml"
    run ! grep -q "$(address token-registry)" "$WORLD/lkcoordd.yml"
    world_kill coordinator
    DOCKER_CONFIG=$WORLD/docker PATH=$WORLD/helpers:$PATH world_coordinator
    world_wait_agents 2
    push_to token-registry helped
    [ "$status" -eq 0 ]
    grep -q "^get $(address token-registry)$" "$WORLD/helpers/asked"
    run ! grep -q ' lkagentd ' "$WORLD/tokens/asked"
    [ "$(arches_of "$published")" = "amd64 arm64" ]
    lies_nowhere "$WORLD/coordinator-password"
    # verify uses the login of whoever types it.
    unset REGISTRY_AUTH_FILE
    DOCKER_CONFIG=$WORLD/nothing run -4 lkcoord verify --key "$SIGNING_KEY" "$published"
    grep -q 'configure credentials' <<<"$output"
    DOCKER_CONFIG=$WORLD/docker PATH=$WORLD/helpers:$PATH \
        lkcoord verify --key "$SIGNING_KEY" "$published"
}

@test "a helper that fails ends the push, and says which" {
    package unhelped
    printf '#!/bin/sh\necho sesame-street; exit 3\n' >"$WORLD/helpers/docker-credential-fake"
    push_to token-registry unhelped
    [ "$status" -eq 5 ]
    grep -q 'docker-credential-fake ended with status 3' <<<"$output"
    run ! grep -rq sesame-street "$WORLD/log"
    mv "$WORLD/lkcoordd.yml.before" "$WORLD/lkcoordd.yml"
    world_kill coordinator
    world_coordinator
}
