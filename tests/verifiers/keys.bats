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
    world_kill coordinator
    sed -i "s|^  key: .*signing.key|  key: $WORLD/keys/p256.key|" "$WORLD/lkcoordd.yml"
    world_coordinator
    world_wait_agents 2
    new_small_package ec "arches: [amd64, arm64]"
    push ec
    [ "$status" -eq 0 ]
    all_accept "$WORLD/keys/p256.pub"
}
