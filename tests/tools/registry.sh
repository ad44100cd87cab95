#
# Sourced: Debian's docker-registry on a free loopback port.
#
# registry_start DIR [USER PASSWORD] - sets REGISTRY (host:port) and REGISTRY_PID (also in DIR/pid); keeps
# its data in DIR/data and writes DIR/access.log, one line a request, in the order in which they ended.
# With a user it asks for basic authentication; with REGISTRY_AUTH set, that is its `auth:` section; with
# REGISTRY_TLS set it speaks TLS with that directory's cert.pem and key.pem.
# registry_stop

registry_config() {
    cat <<END
version: 0.1
log:
  level: info
  accesslog:
    disabled: false
storage:
  filesystem:
    rootdirectory: $1/data
  delete:
    enabled: true
http:
  addr: 127.0.0.1:0
END
    [ -z "${REGISTRY_TLS-}" ] ||
        printf '  tls:\n    certificate: %s/cert.pem\n    key: %s/key.pem\n' "$REGISTRY_TLS" "$REGISTRY_TLS"
    [ -z "${REGISTRY_AUTH-}" ] || printf 'auth:\n%s\n' "$REGISTRY_AUTH"
    [ $# -eq 1 ] || printf 'auth:\n  htpasswd:\n    realm: test\n    path: %s/htpasswd\n' "$1"
}

# The registry is told port 0 and says which one it got: nobody can take it in between.
registry_start() {
    local dir=$1 tries
    mkdir -p "$dir"
    : >"$dir/registry.log"
    [ $# -eq 1 ] || htpasswd -nbB "$2" "$3" >"$dir/htpasswd"
    registry_config "$dir" "${@:2:1}" >"$dir/config.yml"
    setsid docker-registry serve "$dir/config.yml" </dev/null \
        >"$dir/access.log" 2>"$dir/registry.log" 3>&- 4>&- &
    REGISTRY_PID=$!
    echo "$REGISTRY_PID" >"$dir/pid"
    for ((tries = 0; tries < 1200; tries++)); do
        REGISTRY=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$dir/registry.log")
        [ -z "$REGISTRY" ] || return 0
        kill -0 "$REGISTRY_PID" 2>/dev/null || break
        sleep 0.05
    done
    cat "$dir/registry.log" >&2
    echo "docker-registry did not start; its log is above" >&2
    return 1
}

registry_stop() {
    [ -n "${REGISTRY_PID-}" ] || return 0
    kill "$REGISTRY_PID" 2>/dev/null || true
    wait "$REGISTRY_PID" 2>/dev/null || true
    REGISTRY_PID=
}
