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
