#
# Loaded, after helper, by the tests of registries that ask for a login: the user coordinator's, with $password.

password=correct-horse-battery

# NAME ARGUMENT...: one more registry, for pushing to; bases stay in the open one.
start_closed() {
    local open=$REGISTRY
    registry_start "$WORLD/$1" "${@:2}"
    disown "$REGISTRY_PID"
    echo "$REGISTRY_PID" >"$WORLD/pids/$1-registry"
    echo "$REGISTRY" >"$WORLD/$1/address"
    REGISTRY=$open
}

# NAME: the same with tokens, from a server whose files are in $WORLD/tokens.
start_closed_with_tokens() {
    mkdir -p "$WORLD/tokens"
    world_spawn token-server "$ROOT/tests/tools/token-server.py" "$WORLD/tokens" closed coordinator "$password"
    world_wait "the token server" 20 test -s "$WORLD/tokens/port"
    REGISTRY_AUTH="  token:
    realm: http://127.0.0.1:$(cat "$WORLD/tokens/port")/token
    service: closed
    issuer: token-server
    rootcertbundle: $WORLD/tokens/cert.pem" start_closed "$1"
}

address() {
    cat "$WORLD/$1/address"
}

# REGISTRY-NAME PASSWORD: what `docker login` writes.
login() {
    jq -n --arg host "$(address "$1")" --arg auth "$(printf 'coordinator:%s' "$2" | base64)" \
        '{auths: {($host): {auth: $auth}}}'
}
