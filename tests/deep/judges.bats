# What others' verifiers say of our signatures: sigstore's own library for JavaScript of the bundles, OpenSSL of both
# forms' bytes.  Both must refuse what was tampered with.

load ../e2e/helper
. "$ROOT/tests/tools/sigstore.sh"

setup_file() {
    start_world
    start_agents amd64 arm64
    sigstore_library_need
    lkcoord keys new --directory "$WORLD/keys" --type ecdsa-p256 p256 >/dev/null
    lkcoord keys new --directory "$WORLD/keys" --signing stranger >/dev/null
}

# KEY REFERENCE: all of it is accepted, and refused for another key or digest or with a byte changed.
judge() {
    local key=$1 repository digest changed
    repository=$(repository_of "$2")
    for digest in ${2#*@} $(raw "$2" | jq -r '.manifests[].digest'); do
        bundle "$repository" "$digest" >"$BATS_TEST_TMPDIR/one"
        library_accepts "$key" "$digest" <"$BATS_TEST_TMPDIR/one"
        openssl_accepts_bundle "$key" <"$BATS_TEST_TMPDIR/one"
        openssl_accepts_layers "$repository" "$digest" "$key"
        run ! library_accepts "$WORLD/keys/stranger.pub" "$digest" <"$BATS_TEST_TMPDIR/one"
        run ! library_accepts "$key" "sha256:$(printf '%064d' 0)" <"$BATS_TEST_TMPDIR/one"
        run ! openssl_accepts_bundle "$WORLD/keys/stranger.pub" <"$BATS_TEST_TMPDIR/one"
        # Another digest in what is signed: the signature no longer fits.
        changed=$(jq -r .dsseEnvelope.payload "$BATS_TEST_TMPDIR/one" | base64 -d |
            sed "s/${digest#*:}/$(printf '%064d' 0)/g" | base64 -w 0)
        jq -c --arg payload "$changed" '.dsseEnvelope.payload = $payload' "$BATS_TEST_TMPDIR/one" \
            >"$BATS_TEST_TMPDIR/other"
        run -1 library_accepts "$key" "sha256:$(printf '%064d' 0)" <"$BATS_TEST_TMPDIR/other"
        [[ $output == *"signature verification failed"* ]]
        run ! openssl_accepts_bundle "$key" <"$BATS_TEST_TMPDIR/other"
        # A flipped bit of the signature.
        changed=$(jq -r '.dsseEnvelope.signatures[0].sig' "$BATS_TEST_TMPDIR/one" | flip_bit)
        jq -c --arg sig "$changed" '.dsseEnvelope.signatures[0].sig = $sig' "$BATS_TEST_TMPDIR/one" \
            >"$BATS_TEST_TMPDIR/other"
        run -1 library_accepts "$key" "$digest" <"$BATS_TEST_TMPDIR/other"
        [[ $output == *"signature verification failed"* ]]
    done
}

@test "sigstore's library and OpenSSL accept an Ed25519 key's signatures, and nothing that was changed" {
    new_small_package ed "arches: [amd64, arm64]"
    push ed
    [ "$status" -eq 0 ]
    judge "$SIGNING_KEY" "$published"
}

@test "sigstore's library and OpenSSL accept an ECDSA P-256 key's signatures, and nothing that was changed" {
    sign_with "key: $WORLD/keys/p256.key"
    new_small_package ec "arches: [amd64, arm64]"
    push ec
    [ "$status" -eq 0 ]
    judge "$WORLD/keys/p256.pub" "$published"
}

# An index with another thing said has another digest: what was signed is not about it.
@test "no bundle of an index is good for one with architectures swapped, dropped, or a word added" {
    new_small_package changed "arches: [amd64, arm64]"
    push changed
    [ "$status" -eq 0 ]
    bundle "$(repository_of "$published")" "${published#*@}" >"$BATS_TEST_TMPDIR/one"
    for change in '.manifests as $m | .manifests[0].platform = $m[1].platform | .manifests[1].platform = $m[0].platform' \
        '.manifests |= .[:1]' '.annotations = {note: "mine"}'; do
        digest=$(raw "$published" | jq -c "$change" | tr -d '\n' | sha256sum | cut -d ' ' -f 1)
        [ "$digest" != "${published##*:}" ]
        run -1 library_accepts "$WORLD/keys/p256.pub" "sha256:$digest" <"$BATS_TEST_TMPDIR/one"
        [[ $output == *"another digest"* ]]
    done
}
