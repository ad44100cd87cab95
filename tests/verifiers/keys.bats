# What lkcoord publishes is accepted by everybody's verifiers, whichever kind of key signed it.

load helper

setup_file() {
    start_world
    start_agents amd64 arm64
    start_verifiers
    lkcoord keys new --directory "$WORLD/keys" --type ecdsa-p256 p256 >/dev/null
    lkcoord keys new --directory "$WORLD/keys" --signing stranger >/dev/null
}

# KEY: index and each image of what was published last; and with another key, none.
all_accept() {
    local verifier reference references=("${published%@*}" "$published")
    for digest in $(raw "$published" | jq -r '.manifests[].digest'); do
        references+=("${published%@*}@$digest")
    done
    [ ${#references[@]} -eq 4 ]
    for verifier in $VERIFIERS; do
        for reference in "${references[@]}"; do
            echo "$verifier $reference"
            ask "$verifier" "$1" "$reference"
            run ! ask "$verifier" "$WORLD/keys/stranger.pub" "$reference"
            [[ $output =~ $REFUSAL ]]
        done
    done
}

@test "index and images that an Ed25519 key signed are accepted by every verifier" {
    new_small_package ed "arches: [amd64, arm64]"
    push ed
    [ "$status" -eq 0 ]
    all_accept "$SIGNING_KEY"
}

@test "index and images that an ECDSA P-256 key signed are accepted by every verifier" {
    sign_with "key: $WORLD/keys/p256.key"
    new_small_package ec "arches: [amd64, arm64]"
    push ec
    [ "$status" -eq 0 ]
    all_accept "$WORLD/keys/p256.pub"
}

# KEY: the verifiers that look for signatures themselves find one by it.
finders_accept() {
    local verifier
    for verifier in cosign2 cosign3 skopeo podman; do
        echo "$verifier $1"
        ask "$verifier" "$1" "$published"
    done
}

@test "while one key replaces another, either is enough" {
    sign_with "key: $WORLD/keys/p256.key" "second-key: $WORLD/keys/signing.key"
    new_small_package rotated "arches: [amd64, arm64]"
    push rotated
    [ "$status" -eq 0 ]
    finders_accept "$SIGNING_KEY"
    finders_accept "$WORLD/keys/p256.pub"
    sign_with "key: $WORLD/keys/signing.key"
}

# COSIGN [OPTION]: signs what was published last, index and images, by a key of its own making.
cosign_signs() {
    [ -e "$WORLD/given/cosign.key" ] || cosign_keys "$1"
    verifier env COSIGN_PASSWORD="$COSIGN_PASSWORD" "$1" sign --yes --recursive --key /world/cosign.key \
        --tlog-upload=false --allow-http-registry "${@:2}" "$(plainly "$published")"
}

# COSIGN: an ECDSA key.  Cosign 3 does not accept what it signs by an Ed25519 key itself.
cosign_keys() {
    rm -f "$WORLD"/given/cosign.*
    verifier env COSIGN_PASSWORD="$COSIGN_PASSWORD" sh -c "cd /world && $1 generate-key-pair"
}

both_sign() {
    cosign_signs cosign
    cosign_signs "$NEXT_COSIGN" --use-signing-config=false
}

all_are_found() {
    local cosign
    finders_accept "$SIGNING_KEY"
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
    for cosign in cosign2 cosign3; do ask "$cosign" "$WORLD/given/cosign.pub" "$published"; done
}

@test "what cosign attached before is kept, and hides nothing" {
    new_small_package before "arches: [amd64, arm64]"
    push --disable-content-trust before
    [ "$status" -eq 0 ]
    both_sign
    run ! ask cosign3 "$SIGNING_KEY" "$published"
    push before
    [ "$status" -eq 0 ]
    all_are_found
}

@test "what cosign attaches later hides nothing, and there is nothing to do" {
    new_small_package later "arches: [amd64, arm64]"
    push later
    both_sign
    all_are_found
    push later
    [[ $output == *"nothing to do"* ]]
}

@test "cosign reads lkcoord's key files, and lkcoord cosign's" {
    for cosign in cosign "$NEXT_COSIGN"; do
        for key in signing p256; do
            cp "$WORLD/keys/$key.key" "$WORLD/given/"
            verifier env COSIGN_PASSWORD="$COSIGN_PASSWORD" "$cosign" public-key --key "/world/$key.key" |
                diff - "$WORLD/keys/$key.pub"
            run ! verifier env COSIGN_PASSWORD=another "$cosign" public-key --key "/world/$key.key"
        done
        cosign_keys "$cosign"
        [ "$(lkcoord keys public "$WORLD/given/cosign.key")" = "$(cat "$WORLD/given/cosign.pub")" ]
    done
}
