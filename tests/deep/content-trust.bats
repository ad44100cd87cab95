# Docker Content Trust: what a push publishes at a real Notary server, as Debian's notary and docker see it.

load helper
. "$BATS_TEST_DIRNAME/../tools/notary-server.sh"

export DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE=root-words DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=repository-words
export NOTARY_ROOT_PASSPHRASE=root-words NOTARY_TARGETS_PASSPHRASE=repository-words
export NOTARY_SNAPSHOT_PASSPHRASE=repository-words NOTARY_DELEGATION_PASSPHRASE=repository-words

setup_file() {
    start_world
    start_agents amd64 arm64
    notary_start "$WORLD/notary"
    disown "$NOTARY_PID"
    ln -s ../notary/pid "$WORLD/pids/notary"
    printf 'NOTARY=%s\nNOTARY_CA=%s\n' "$NOTARY" "$NOTARY_CA" >"$WORLD/notary/env"
    (umask 077 && echo repository-words >"$WORLD/notary/passphrase")
    mkdir -p "$WORLD/docker-home/tls/${NOTARY#https://}"
    cp "$NOTARY_CA" "$WORLD/docker-home/tls/${NOTARY#https://}/ca.crt"
    export DOCKER_CONFIG=$WORLD/docker-home DOCKER_CONTENT_TRUST_SERVER=$NOTARY
    lkcoord trust init "$REGISTRY/demo/first"
    world_load
    trust_is on
}

setup() {
    world_load
    . "$WORLD/notary/env"
    export DOCKER_CONFIG=$WORLD/docker-home DOCKER_CONTENT_TRUST_SERVER=$NOTARY
    trust=$WORLD/docker-home/trust
    cd "$WORLD/source"
}

# off|on|required: the coordinator with that, and the keys of docker's own directory.
trust_is() {
    local notary
    . "$WORLD/notary/env"
    notary="notary: {content-trust: $1, server: \"$NOTARY\", ca-file: $NOTARY_CA, "
    notary+="keys: $WORLD/docker-home/trust, passphrase-file: $WORLD/notary/passphrase}"
    reconfigure "$notary"
}

# A coordinator that reads its keys again.
trust_again() {
    world_kill coordinator
    world_coordinator
}

notary() {
    command notary -s "$NOTARY" --tlscacert "$NOTARY_CA" -d "${NOTARY_DIR:-$trust}" "$@"
}

# NAME TAG: the digest that docker's client would pull.
docker_says() {
    /usr/bin/docker trust inspect "$REGISTRY/demo/$1" |
        jq -r --arg tag "$2" '.[0].SignedTags[] | select(.SignedTag == $tag) | "sha256:" + .Digest'
}

# NAME TAG: those who signed it, in docker's eyes.
docker_signers() {
    /usr/bin/docker trust inspect "$REGISTRY/demo/$1" |
        jq -r --arg tag "$2" '.[0].SignedTags[] | select(.SignedTag == $tag) | .Signers | sort | join(" ")'
}

digest_at() {
    raw "$REGISTRY/demo/$1:$2" | sha256sum | sed 's/ .*//; s/^/sha256:/'
}

# NAME TAG: index and images of both architectures are what docker's client and Notary's say.
all_agree() {
    local tag listed
    listed=$(notary list "$REGISTRY/demo/$1")
    for tag in "$2" "$2-amd64" "$2-arm64"; do
        [ "$(docker_says "$1" "$tag")" = "$(digest_at "$1" "$tag")" ]
        [[ $listed == *"$tag "*"$(digest_at "$1" "$tag" | cut -d : -f 2)"* ]]
    done
}

@test "a push signs the index and each architecture's tag, and docker and notary agree" {
    new_small_package first "arches: [amd64, arm64]"
    push --release v1 first
    [ "$status" -eq 0 ]
    all_agree first "$(tag_of "$published")"
    all_agree first v1
    [ "$(docker_signers first v1)" = "Repo Admin" ]
    [ "$(lkcoord trust inspect --ca-file "$NOTARY_CA" "$REGISTRY/demo/first:v1")" = "$(digest_at first v1)" ]
    run lkcoord trust inspect "$REGISTRY/demo/first:v0"
    [ "$status" -eq 6 ]
}

@test "what content trust says already is not said again, and what it lacks makes a push of its own" {
    push --release v1 first
    [[ $output == *"nothing to do"* ]]
    before=$(lkcoord trust inspect --output json "$REGISTRY/demo/first" | jq -c .roles)
    notary remove -p "$REGISTRY/demo/first" v1-arm64
    push --release v1 first
    [ "$status" -eq 0 ]
    all_agree first v1
    after=$(lkcoord trust inspect --output json "$REGISTRY/demo/first" | jq -c .roles)
    [ "$before" != "$after" ]
    push --release v1 first
    [ "$after" = "$(lkcoord trust inspect --output json "$REGISTRY/demo/first" | jq -c .roles)" ]
}

publish_one() {
    "$ROOT/build/$CONFIG/tests/tools/trust_publish" "${SERVER:-$NOTARY}" "$NOTARY_CA" "${DIR:-$trust}" "$REGISTRY/demo/$1" "$2" \
        "${3:-sha256:$(printf '%064d' 7)}" 7
}

says() {
    lkcoord trust inspect "$REGISTRY/demo/$1"
}

@test "six that publish at once into one repository lose nothing" {
    lkcoord trust init "$REGISTRY/demo/busy"
    for i in 1 2 3 4 5 6; do
        DIR=$WORLD/trust-$i
        mkdir -p "$DIR"
        cp -r "$trust/private" "$DIR/"
        publish_one busy "tag-$i" >"$WORLD/busy-$i" 3>&- &
    done
    wait
    cat "$WORLD"/busy-*
    [ "$(grep -l '^published' "$WORLD"/busy-* | wc -l)" -eq 6 ]
    grep -qE 'after [1-9]' "$WORLD"/busy-*
    for i in 1 2 3 4 5 6; do
        [ "$(docker_says busy "tag-$i")" = "sha256:$(printf '%064d' 7)" ]
    done
}

@test "with delegations the tag is said by targets/releases and by the signer's own role" {
    openssl ecparam -name prime256v1 -genkey -noout -out "$WORLD/alice.pem"
    openssl ec -in "$WORLD/alice.pem" -pubout -out "$WORLD/alice.pub.pem"
    chmod 600 "$WORLD/alice.pem"
    lkcoord trust init "$REGISTRY/demo/delegated"
    /usr/bin/docker trust key load --name alice "$WORLD/alice.pem"
    /usr/bin/docker trust signer add --key "$WORLD/alice.pub.pem" alice "$REGISTRY/demo/delegated"
    trust_again
    new_small_package delegated "arches: [amd64, arm64]"
    push --release v1 delegated
    [ "$status" -eq 0 ]
    all_agree_on_digests delegated v1
    [ "$(docker_signers delegated v1)" = alice ]
    run says delegated
    [[ $output == *"v1  sha256:"*"  targets/alice"* ]]
    [[ $output == *"v1  sha256:"*"  targets/releases"* ]]
    push --release v1 delegated
    [[ $output == *"nothing to do"* ]]
}

# As all_agree, but Notary's own list wants the roles named.
all_agree_on_digests() {
    local tag
    for tag in "$2" "$2-amd64" "$2-arm64"; do
        [ "$(docker_says "$1" "$tag")" = "$(digest_at "$1" "$tag")" ]
        notary list --roles targets/releases "$REGISTRY/demo/$1" | grep -q "^$tag "
    done
}

@test "a snapshot whose key is the client's is written with the tags" {
    NOTARY_DIR=$WORLD/notary-own
    notary init -p "$REGISTRY/demo/own"
    cp "$NOTARY_DIR"/private/*.key "$trust/private/"
    [ "$(publish_one own v1)" = "published after 0 retries" ]
    [ "$(publish_one own v2)" = "published after 0 retries" ]
    [ "$(docker_says own v2)" = "sha256:$(printf '%064d' 7)" ]
    notary list "$REGISTRY/demo/own" | grep -q '^v1 '
}

# ---- faults ----

# In front of the real server; `lies` and `stops_lying` say how.
start_liar() {
    mkdir -p "$WORLD/liar"
    cp "$WORLD"/notary/{cert,key}.pem "$WORLD/liar/"
    [ -e "$WORLD/pids/liar" ] ||
        world_spawn liar "$ROOT/tests/tools/trust-liar.py" "$NOTARY" "$NOTARY_CA" "$WORLD/liar"
    world_wait "the liar" 20 test -e "$WORLD/liar/port"
    SERVER=https://127.0.0.1:$(cat "$WORLD/liar/port")
}

lies() {
    touch "$WORLD/liar/$1"
}

stops_lying() {
    rm -f "$WORLD"/liar/{keep-nothing,garble,replay,remember,corrupt}
}

# NAME: a repository of its own, and a directory of its own with the keys.
new_trust() {
    lkcoord trust init "$REGISTRY/demo/$1"
    DIR=$WORLD/trust-$1
    mkdir -p "$DIR"
    cp -r "$trust/private" "$DIR/"
}

@test "a server that says 200 and keeps nothing is found by reading back" {
    start_liar
    new_trust forgetful
    lies keep-nothing
    run publish_one forgetful v1
    stops_lying
    [ "$status" -eq 1 ]
    [[ $output == "conflict: "*"says that all is well and keeps nothing"* ]]
    publish_one forgetful v1
}

@test "metadata in another form than the canonical one, which the server takes and cannot serve, is found" {
    start_liar
    new_trust garbled
    lies garble
    run publish_one garbled v1
    stops_lying
    [ "$status" -eq 1 ]
    [[ $output == "conflict: "*"targets"*"does not serve"* ]]
}

@test "old metadata played back are refused by whoever saw newer ones" {
    start_liar
    new_trust replayed
    lies remember
    publish_one replayed v1
    lkcoord trust inspect --server "$SERVER" --ca-file "$NOTARY_CA" --directory "$DIR" "$REGISTRY/demo/replayed"
    stops_lying
    publish_one replayed v2
    lies replay
    run publish_one replayed v3
    run lkcoord trust inspect --server "$SERVER" --ca-file "$NOTARY_CA" --directory "$DIR" "$REGISTRY/demo/replayed"
    stops_lying
    [ "$status" -eq 6 ]
    [[ $output == *"old metadata are played back"*"remove $DIR/tuf/$REGISTRY/demo/replayed"* ]]
}

@test "a file that is not what its hash says is refused" {
    start_liar
    new_trust corrupted
    lies corrupt
    run publish_one corrupted v1
    stops_lying
    [ "$status" -eq 1 ]
    [[ $output == "conflict: "*"is not what its own metadata list"* ]]
}

@test "metadata that ran out, by the server's delay or by a wrong clock, are refused with both times" {
    new_trust expired
    LK_CLOCK_OFFSET_S=$((20 * 86400)) run publish_one expired v1
    [ "$status" -eq 1 ]
    [[ $output == "conflict: "*"timestamp ran out at "*" by this machine's clock"* ]]
}

@test "a missing key, a wrong passphrase, a damaged and an open key file are each named with the remedy" {
    new_trust keyless
    key=$(lkcoord trust inspect --output json "$REGISTRY/demo/keyless" | jq -r '.roles[] | select(.name == "targets").keys[0]')
    mv "$DIR/private/$key.key" "$WORLD/away"
    run publish_one keyless v1
    [ "$status" -eq 1 ]
    [[ $output == "denied: "*"signing targets needs 1 of the keys ${key:0:16}"*"copy the key"* ]]

    cp "$WORLD/away" "$DIR/private/$key.key"
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=other run publish_one keyless v1
    [ "$status" -eq 1 ]
    [[ $output == "denied: "*"the passphrase does not open it"* ]]

    sed '5s/^......../AAAAAAAA/' "$WORLD/away" >"$DIR/private/$key.key"
    run publish_one keyless v1
    [ "$status" -eq 1 ]
    [[ $output == *"$key.key: "*"damaged"* ]]

    cp "$WORLD/away" "$DIR/private/$key.key"
    chmod 644 "$DIR/private/$key.key"
    run publish_one keyless v1
    [ "$status" -eq 1 ]
    [[ $output == *"$key.key"* && $output == *"chmod"* ]]
    chmod 600 "$DIR/private/$key.key"
    publish_one keyless v1
}

@test "the coordinator does not start with a wrong passphrase, and says which key it is" {
    (umask 077 && echo wrong-words >"$WORLD/wrong")
    sed "s|passphrase-file: $WORLD/notary/passphrase|passphrase-file: $WORLD/wrong|" "$WORLD/lkcoordd.yml" >"$WORLD/wrong.yml"
    sed -i "s|^state: .*|state: $WORLD/wrong-state|" "$WORLD/wrong.yml"
    run lkcoordd --config "$WORLD/wrong.yml"
    [ "$status" -ne 0 ]
    [[ $output == *"opening the keys of content trust"*".key"*"the passphrase does not open it"* ]]
}

@test "a repository without content trust is refused before anything is built, and what to do is said" {
    new_small_package unknown "arches: [amd64]"
    push unknown
    [ "$status" -eq 5 ]
    [[ $output == *"has nothing of $REGISTRY/demo/unknown yet; \`lkcoord trust init $REGISTRY/demo/unknown\` begins it"* ]]
    [[ $output != *building* ]]
    push -disable-content-trust unknown
    [ "$status" -eq 0 ]
}

@test "while the trust server is away the tag stays as it was, and the push goes on when it is back" {
    new_small_package patient "arches: [amd64]"
    lkcoord trust init "$REGISTRY/demo/patient"
    trust_again
    kill -STOP "$(pid_of notary)"
    push_aside --org "$REGISTRY/demo" patient
    sleep 4
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" patient)"
    kill -CONT "$(pid_of notary)"
    wait "$client"
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" patient)
    [ "$(docker_says patient "${tag##*:}")" = "$(digest_at patient "${tag##*:}")" ]
}

@test "where content trust is required, nothing is pushed unsigned" {
    trust_is required
    new_small_package willing "arches: [amd64]"
    push -disable-content-trust willing
    [ "$status" -eq 5 ]
    [[ $output == *"publishes nothing unsigned there (content-trust: required)"* ]]
    trust_is on
}

@test "the Hub's trust server is refused, with the day on which it ends" {
    run lkcoord trust inspect --server https://notary.docker.io org/image
    [ "$status" -eq 5 ]
    [[ $output == *"notary.docker.io ends on 2026-12-08"* ]]
    unset DOCKER_CONTENT_TRUST_SERVER
    run lkcoord trust inspect org/image
    [[ $output == *"notary.docker.io ends on 2026-12-08"* ]]
}

@test "a trust server that asks for tokens gets them with the registry's login" {
    mkdir -p "$WORLD/tokens" "$WORLD/guarded" "$WORLD/guarded-home/trust"
    cp "$WORLD"/notary/{ca,cert,key}.pem "$WORLD/guarded/"
    TOKEN_TLS=$WORLD/notary world_spawn tokens "$ROOT/tests/tools/token-server.py" "$WORLD/tokens" trust lena secret
    world_wait "the token server" 30 test -e "$WORLD/tokens/port"
    NOTARY_AUTH="{\"type\": \"token\", \"options\": {\"realm\": \"https://127.0.0.1:$(cat "$WORLD/tokens/port")/token\",
        \"service\": \"trust\", \"issuer\": \"token-server\", \"rootcertbundle\": \"$WORLD/tokens/cert.pem\"}}"
    notary_start "$WORLD/guarded"
    disown "$NOTARY_PID"
    ln -s ../guarded/pid "$WORLD/pids/guarded"
    export DOCKER_CONFIG=$WORLD/guarded-home DOCKER_CONTENT_TRUST_SERVER=$NOTARY
    run lkcoord trust init --ca-file "$NOTARY_CA" "$REGISTRY/demo/guarded"
    [ "$status" -ne 0 ]
    echo "{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(printf lena:secret | base64)\"}}}" >"$DOCKER_CONFIG/config.json"
    lkcoord trust init --ca-file "$NOTARY_CA" "$REGISTRY/demo/guarded"
    lkcoord trust inspect --ca-file "$NOTARY_CA" "$REGISTRY/demo/guarded"
    grep -q "repository:$REGISTRY/demo/guarded:pull,push" "$WORLD/tokens/asked"
}

# As someone without a coordinator, who has docker's own variables.
alone() {
    unset LKCOORD_CONFIG
    export HOME=$WORLD/home XDG_STATE_HOME=$WORLD/state XDG_CONFIG_HOME=$WORLD/none
    export CONTAINERS_REGISTRIES_CONF=$WORLD/registries.conf DOCKER_CONTENT_TRUST=1
    mkdir -p "$HOME"
}

@test "without a coordinator DOCKER_CONTENT_TRUST=1 signs with the user's own keys" {
    alone
    new_small_package alone "arches: [$(dpkg --print-architecture)]"
    push alone
    [ "$status" -eq 5 ]
    [[ $output == *"lkcoord trust init $REGISTRY/demo/alone"* ]]
    lkcoord trust init "$REGISTRY/demo/alone"
    push --release v1 alone
    [ "$status" -eq 0 ]
    [ "$(docker_says alone v1)" = "$(digest_at alone v1)" ]
    run ! grep -rsq repository-words "$WORLD/state" "$WORLD"/log

    DOCKER_CONTENT_TRUST=0 push --release v2 alone
    [ "$status" -eq 0 ]
    [ -z "$(docker_says alone v2)" ]

    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=other push --release v3 alone
    [ "$status" -ne 0 ]
    [[ $output == *"the passphrase does not open it"* ]]
}
