# A registry behind TLS with a CA of its own: who has to be told, and what is said when the wrong one was.

load helper

# DIR: a CA, and a certificate by it for loopback.
make_ca() {
    local dir=$1 key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    mkdir -p "$dir"
    openssl req -x509 $key -days 2 -subj "/CN=CA of $(basename "$dir")" -keyout "$dir/ca.key" -out "$dir/ca.pem"
    openssl req $key -subj /CN=registry -keyout "$dir/key.pem" -out "$dir/request"
    openssl x509 -req -days 2 -in "$dir/request" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
        -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost) -out "$dir/cert.pem"
}

# The bases stay in the open registry; the second one, to push to, speaks TLS.
start_tls_registry() {
    local open=$REGISTRY
    REGISTRY_TLS=$WORLD/right registry_start "$WORLD/tls-registry"
    disown "$REGISTRY_PID"
    echo "$REGISTRY_PID" >"$WORLD/pids/tls-registry"
    echo "$REGISTRY" >"$WORLD/tls-registry/address"
    REGISTRY=$open
}

tls() {
    cat "$WORLD/tls-registry/address"
}

# [LINE...]: the coordinator, with these lines in the registry's entry.
coordinator_with() {
    {
        echo "  - host: \"$(tls)\""
        printf '    %s\n' "$@"
    } >"$WORLD/entry"
    cp "$WORLD/lkcoordd.yml.before" "$WORLD/lkcoordd.yml"
    sed -i "/^registries:/r $WORLD/entry" "$WORLD/lkcoordd.yml"
    world_kill coordinator
    world_coordinator
}

# CA-FILE: the agent, trusting that one.
agent_with() {
    world_kill amd64-1
    world_agent amd64-1 amd64 "ca-file: $1"
    world_wait_agents 1
}

setup_file() {
    start_world
    make_ca "$WORLD/right"
    make_ca "$WORLD/wrong"
    start_tls_registry
    cp "$WORLD/lkcoordd.yml" "$WORLD/lkcoordd.yml.before"
    coordinator_with "ca-file: $WORLD/right/ca.pem"
    agent_with "$WORLD/right/ca.pem"
}

package() {
    new_small_package "$1" "arches: [amd64]"
}

push_tls() {
    REGISTRY=$(tls) push "$@"
}

@test "coordinator, agent and verify are told the CA: pushed, signed, verified" {
    package trusted
    push_tls trusted
    [ "$status" -eq 0 ]
    lkcoord verify --ca-file "$WORLD/right/ca.pem" --key "$SIGNING_KEY" "$published"
    curl -sf --cacert "$WORLD/right/ca.pem" "https://$(tls)/v2/demo/trusted/tags/list" | jq -e '.tags | length > 1'
}

@test "verify with the wrong CA, or without TLS, says what to do" {
    package doubted
    push_tls doubted
    [ "$status" -eq 0 ]
    run -4 lkcoord verify --ca-file "$WORLD/wrong/ca.pem" --key "$SIGNING_KEY" "$published"
    grep -q "certificate not accepted by ca-file $WORLD/wrong/ca.pem (.*)" <<<"$output"
    run -4 lkcoord verify --ca-file "$WORLD/absent.pem" --key "$SIGNING_KEY" "$published"
    grep -q "$WORLD/absent.pem" <<<"$output"
    run ! lkcoord verify --key "$SIGNING_KEY" "$published"
    run -4 lkcoord verify --ca-file "$WORLD/right/ca.pem" --key "$SIGNING_KEY" "$REGISTRY/base/busybox:1"
    grep -q 'does not speak TLS .*plain-http' <<<"$output"
}

@test "a coordinator with the wrong CA ends the push, and names registry and file" {
    coordinator_with "ca-file: $WORLD/wrong/ca.pem"
    package mistrusted
    push_tls mistrusted
    [ "$status" -eq 4 ]
    grep -q "registry $(tls).*certificate not accepted by ca-file $WORLD/wrong/ca.pem (.*)" <<<"$output"
    coordinator_with "ca-file: $WORLD/right/ca.pem"
}

@test "an agent with the wrong CA ends the push, and it is the agent's file that is named" {
    agent_with "$WORLD/wrong/ca.pem"
    package unsure
    push_tls unsure
    [ "$status" -eq 4 ]
    grep -q "certificate not accepted by ca-file /" <<<"$output"
    run ! curl -sf --cacert "$WORLD/right/ca.pem" "https://$(tls)/v2/demo/unsure/tags/list"
    agent_with "$WORLD/right/ca.pem"
}

@test "a registry that is listed without plain-http is not spoken to in the clear" {
    sed -i 's/plain-http: true/plain-http: false/' "$WORLD/lkcoordd.yml"
    world_kill coordinator
    world_coordinator
    world_wait_agents 1
    package clear
    push clear
    [ "$status" -eq 4 ]
    grep -q "registry $REGISTRY.*does not speak TLS .*plain-http" <<<"$output"
    run ! grep -q '/v2/demo/clear/' "$WORLD/registry/access.log"
}
