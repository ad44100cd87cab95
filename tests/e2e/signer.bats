# Signing keys that are not the coordinator's: lkcoord-signd, and a program of one's own.

load helper

setup_file() {
    start_world
    mkdir -p "$WORLD/signd"
    signd_config "$REGISTRY/demo/*"
    world_kill coordinator
    sed -i '/^signing:/,$d' "$WORLD/lkcoordd.yml"
    cat >>"$WORLD/lkcoordd.yml" <<END
content-trust: required
signer:
  socket: $WORLD/signd/socket
  public-keys: [$WORLD/keys/signing.pub]
END
    world_coordinator
    start_agents amd64 arm64
}

# PATTERN [LINE...]: what lkcoord-signd signs; LINEs belong to the repository.
signd_config() {
    cat >"$WORLD/lkcoord-signd.yml" <<END
socket: $WORLD/signd/socket
record: $WORLD/signd/record
allow: [$(id -u)]
key: $WORLD/keys/signing.key
repositories:
  - name: "$1"
END
    for line in "${@:2}"; do echo "    $line" >>"$WORLD/lkcoord-signd.yml"; done
}

start_signd() {
    world_spawn signd lkcoord-signd --config "$WORLD/lkcoord-signd.yml"
    world_wait "the signer" 10 test -S "$WORLD/signd/socket"
}

# ID
waits_for_signer() {
    lkcoord status --output json "$1" |
        grep -q 'waits, and will try again: the signer at .*/signd/socket: cannot be reached'
}

@test "a push waits for the signer with a reason, and finishes without a second build" {
    new_small_package patient "arches: [amd64, arm64]"
    id=$(lkcoord push --detach --allow-emulation --org "$REGISTRY/demo" patient 2>/dev/null)
    reference=$(lkcoord show-tag --org "$REGISTRY/demo" patient)
    world_wait "a reason to wait" 40 waits_for_signer "$id"
    run ! raw "$reference"
    start_signd
    run -0 timeout 60 lkcoord watch "$id"
    run -0 lkcoord verify --plain-http --key "$SIGNING_KEY" "$reference"
    lkcoord status --output json "$id" | jq -e '[.. | .attempt? // empty] | unique == [1]'
    digest=sha256:$(raw "$reference" | sha256sum | cut -d ' ' -f 1)
    [ "$(jq -r .digest "$WORLD/signd/record" | sort | uniq -c | grep -c "1 $digest")" -eq 1 ]
}

someone_asks() {
    [ "$(grep -c "$WORLD/signd/socket" /proc/net/unix)" -ge 2 ]
}

@test "killed while it is asked, and started again, it lets the push finish, and its record is whole" {
    new_small_package killed "arches: [amd64, arm64]"
    kill -STOP "$(cat "$WORLD/pids/signd")"
    id=$(lkcoord push --detach --allow-emulation --org "$REGISTRY/demo" killed 2>/dev/null)
    reference=$(lkcoord show-tag --org "$REGISTRY/demo" killed)
    world_wait "a question to the signer" 40 someone_asks
    world_kill signd KILL
    world_wait "a reason to wait" 40 waits_for_signer "$id"
    run ! raw "$reference"
    start_signd
    run -0 timeout 60 lkcoord watch "$id"
    run -0 lkcoord verify --plain-http --key "$SIGNING_KEY" "$reference"
    lkcoord status --output json "$id" | jq -e '[.. | .attempt? // empty] | unique == [1]'
    digest=sha256:$(raw "$reference" | sha256sum | cut -d ' ' -f 1)
    jq -r .digest "$WORLD/signd/record" | grep -x "$digest"
}

# PROGRAM...: from now on signs, in place of lkcoord-signd.
signed_by_program() {
    local argv
    openssl ecparam -genkey -name prime256v1 -noout -out "$WORLD/p256.pem"
    openssl pkey -in "$WORLD/p256.pem" -pubout -out "$WORLD/p256.pub"
    argv=$(printf '"%s", ' "$@")
    world_kill coordinator
    sed -i '/^signer:/,$d' "$WORLD/lkcoordd.yml"
    cat >>"$WORLD/lkcoordd.yml" <<END
signer:
  exec: [${argv%, }]
  public-keys: [$WORLD/p256.pub]
END
    world_coordinator
}

@test "a program of one's own signs, and is asked again when it says: not now" {
    new_small_package own "arches: [amd64, arm64]"
    signed_by_program "$ROOT/deploy/examples/sign-with-openssl" "$WORLD/p256.pem"
    mv "$WORLD/p256.pem" "$WORLD/away.pem"
    id=$(lkcoord push --detach --allow-emulation --org "$REGISTRY/demo" own 2>/dev/null)
    reference=$(lkcoord show-tag --org "$REGISTRY/demo" own)
    world_wait "a reason to wait" 40 waits_for_program "$id"
    run ! raw "$reference"
    mv "$WORLD/away.pem" "$WORLD/p256.pem"
    run -0 timeout 60 lkcoord watch "$id"
    run -0 lkcoord verify --plain-http --key "$WORLD/p256.pub" "$reference"
    lkcoord status --output json "$id" | jq -e '[.. | .attempt? // empty] | unique == [1]'
}

# ID
waits_for_program() {
    lkcoord status --output json "$1" | grep -q 'waits, and will try again: .*sign-with-openssl'
}

@test "a program that signs with another key has nothing published" {
    new_small_package wrongly "arches: [amd64]"
    openssl ecparam -genkey -name prime256v1 -noout -out "$WORLD/other.pem"
    signed_by_program "$ROOT/deploy/examples/sign-with-openssl" "$WORLD/other.pem"
    run lkcoord push --org "$REGISTRY/demo" wrongly
    [ "$status" -ne 0 ]
    [[ $output == *"sign-with-openssl"*"signature"* ]]
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" wrongly)"
}
