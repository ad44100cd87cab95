# Where the services get the passphrase of their keys from, and that it goes no further.

load helper

setup_file() {
    use_world
    mkdir -p "$WORLD"/{log,pids,keys,credentials}
    COSIGN_PASSWORD=open-sesame lkcoord keys new --directory "$WORLD/keys" --signing signing >/dev/null
    lkcoord keys new --directory "$WORLD/keys" coordinator >/dev/null
    printf 'open-sesame\n' >"$WORLD/right"
    printf 'wrong-word\n' >"$WORLD/wrong"
    chmod 600 "$WORLD/right" "$WORLD/wrong"
}

setup() {
    unset COSIGN_PASSWORD CREDENTIALS_DIRECTORY
    DIR=$BATS_TEST_TMPDIR
    NAME=daemon-$BATS_TEST_NUMBER
}

teardown() {
    world_kill "$NAME"
}

# PROGRAM [LINE]: its configuration, LINE belongs to the key.
configure() {
    mkdir -p "$DIR/state"
    if [ "$1" = lkcoordd ]; then
        cat <<END
agents-endpoint: tcp://127.0.0.1:0
clients-endpoint: tcp://127.0.0.1:0
key: $WORLD/keys/coordinator.key
state: $DIR/state
signing:
  key: $WORLD/keys/signing.key
  ${2-}
END
    else
        cat <<END
socket: $DIR/socket
record: $DIR/state/record
allow: [0]
repositories: [{name: a.example/*}]
key: $WORLD/keys/signing.key
${2-}
END
    fi >"$DIR/config.yml"
}

is_ready() {
    [ -S "$DIR/socket" ] || grep -q '^clients ' "$DIR/state/endpoints"
}

# PROGRAM: comes up, and its environment has nothing of the passphrase.
starts() {
    rm -f "$DIR/socket" "$DIR/state/endpoints" "$WORLD/log/$NAME.log"
    world_spawn "$NAME" "$1" --config "$DIR/config.yml"
    world_wait "$1" 10 is_ready || { cat "$WORLD/log/$NAME.log"; return 1; }
    run -1 grep -a sesame "/proc/$(cat "$WORLD/pids/$NAME")/environ"
    run ! grep sesame "$WORLD/log/$NAME.log"
    world_kill "$NAME"
}

# PROGRAM TEXT: ends with this, and does not say what the passphrase was.
starts_not() {
    run -1 timeout 10 "$1" --config "$DIR/config.yml"
    echo "$output"
    [[ $output == *"$2"* && $output != *wrong-word* ]]
}

# PROGRAM
every_source_opens_it() {
    local program=$1
    configure "$program" "passphrase-file: $WORLD/right"
    starts "$program"
    configure "$program" "passphrase-fd: 7"
    starts "$program" 7<"$WORLD/right"
    configure "$program"
    COSIGN_PASSWORD=open-sesame starts "$program"
    cp "$WORLD/right" "$WORLD/credentials/signing.passphrase"
    CREDENTIALS_DIRECTORY=$WORLD/credentials COSIGN_PASSWORD=wrong-word starts "$program"
}

# PROGRAM
no_source_is_believed() {
    local program=$1
    configure "$program" "passphrase-file: $WORLD/wrong"
    starts_not "$program" signing.key
    configure "$program" "passphrase-file: $WORLD/nowhere"
    starts_not "$program" "$WORLD/nowhere"
    chmod 644 "$WORLD/right"
    configure "$program" "passphrase-file: $WORLD/right"
    starts_not "$program" "$WORLD/right"
    chmod 600 "$WORLD/right"
    configure "$program" "passphrase-fd: 7"
    starts_not "$program" signing.key 7<"$WORLD/wrong"
    starts_not "$program" 'descriptor 7' 7<&-
    starts_not "$program" 'descriptor 7 is longer than 1024 bytes' 7<"$LK_BIN/lkcoord"
    configure "$program"
    COSIGN_PASSWORD=wrong-word starts_not "$program" signing.key
    cp "$WORLD/wrong" "$WORLD/credentials/signing.passphrase"
    CREDENTIALS_DIRECTORY=$WORLD/credentials COSIGN_PASSWORD=open-sesame starts_not "$program" signing.key
    starts_not "$program" 'needs a passphrase'
    [[ $output == *passphrase-file*passphrase-fd*COSIGN_PASSWORD*"systemd credential signing.passphrase"* ]]
}

@test "the coordinator takes it from a file, a descriptor, a credential or a variable" {
    every_source_opens_it lkcoordd
}

@test "the coordinator does not start with a wrong or missing one" {
    no_source_is_believed lkcoordd
}

@test "the signer takes it from a file, a descriptor, a credential or a variable" {
    every_source_opens_it lkcoord-signd
}

@test "the signer does not start with a wrong or missing one" {
    no_source_is_believed lkcoord-signd
}

@test "what the coordinator does not use it forgets too" {
    configure lkcoordd
    sed -i '/^signing:/,$d' "$DIR/config.yml"
    COSIGN_PASSWORD=open-sesame DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=open-sesame \
        DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE=open-sesame starts lkcoordd
}
