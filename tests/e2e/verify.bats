# What lkcoord verify finds, and how it says so.

load helper
. "$ROOT/tests/tools/sigstore.sh"

setup_file() {
    start_world
    start_agents amd64 arm64
    cd "$WORLD/source"
    new_small_package sound "arches: [amd64, arm64]"
    lkcoord push --allow-emulation --org "$REGISTRY/demo" sound
    echo "SOUND=$(lkcoord show-tag --org "$REGISTRY/demo" sound)" >>"$WORLD/env"
}

# JQ-FILTER: true of what was found last.
found() {
    jq -e "$1" <<<"$output"
}

@test "several references are all judged, and the worst of them is the exit code" {
    run -6 --separate-stderr lkcoord verify --json --plain-http --key "$SIGNING_KEY" \
        "$SOUND" "$REGISTRY/demo/sound:none" "$SOUND"
    found '.schema == "lkcoord.verification/1" and [.references[].verified] == [true, false, true]'
    found '.references[0].index.signed and [.references[0].images[].signed] == [true, true]'
    run -0 lkcoord verify --plain-http --key "$SIGNING_KEY" "$SOUND" "$SOUND"
}

@test "a registry that does not answer proves nothing: it is to be asked again" {
    run -4 lkcoord verify --plain-http --key "$SIGNING_KEY" "127.0.0.1:1/demo/sound:1"
    run -6 lkcoord verify --plain-http --key "$SIGNING_KEY" "127.0.0.1:1/demo/sound:1" "$REGISTRY/demo/sound:none"
}

@test "an architecture that is asked for and not there is named" {
    run -0 lkcoord verify --plain-http --key "$SIGNING_KEY" --arches amd64,arm64 "$SOUND"
    run -6 lkcoord verify --plain-http --key "$SIGNING_KEY" --arches amd64,s390x "$SOUND"
    [[ $output == *s390x* ]]
}

@test "another key than the one that signed is not enough" {
    lkcoord keys new --signing --directory "$BATS_TEST_TMPDIR" other
    run -6 lkcoord verify --plain-http --key "$BATS_TEST_TMPDIR/other.pub" "$SOUND"
    [[ $output == *signed* ]]
}

@test "a layer that the registry has lost is missed" {
    new_small_package hollow "arches: [amd64]"
    lkcoord push --org "$REGISTRY/demo" hollow
    hollow=$(lkcoord show-tag --org "$REGISTRY/demo" hollow)
    image=$(raw "$hollow" | jq -r '.manifests[0].digest')
    layer=$(curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://$REGISTRY/v2/demo/hollow/manifests/$image" | jq -r '.layers[-1].digest')
    curl -sf -X DELETE "http://$REGISTRY/v2/demo/hollow/blobs/$layer"
    run -6 --separate-stderr lkcoord verify --json --plain-http --key "$SIGNING_KEY" "$hollow"
    found '.references[0].verdict != "verified"'
    [[ $output == *"$layer"* ]]
}

@test "without --key, the keys of the configuration count, wherever that lies" {
    mkdir -p "$BATS_TEST_TMPDIR/conf/keys"
    cp "$SIGNING_KEY" "$BATS_TEST_TMPDIR/conf/keys/signing.pub"
    echo 'trusted-keys: [keys/signing.pub]' >"$BATS_TEST_TMPDIR/conf/config.yml"
    run -0 lkcoord verify --plain-http --config "$BATS_TEST_TMPDIR/conf/config.yml" "$SOUND"
    lkcoord keys new --signing --directory "$BATS_TEST_TMPDIR" other
    run -6 lkcoord verify --plain-http --config "$BATS_TEST_TMPDIR/conf/config.yml" --key "$BATS_TEST_TMPDIR/other.pub" "$SOUND"
    mv "$BATS_TEST_TMPDIR/other.pub" "$BATS_TEST_TMPDIR/conf/keys/signing.pub"
    run -6 lkcoord verify --plain-http --config "$BATS_TEST_TMPDIR/conf/config.yml" "$SOUND"
    rm "$BATS_TEST_TMPDIR/conf/keys/signing.pub"
    run -2 lkcoord verify --plain-http --config "$BATS_TEST_TMPDIR/conf/config.yml" "$SOUND"
}

@test "of several reasons the one that matters first is told" {
    # Under a name that nobody signed, without one of its images, and with an architecture missing.
    new_small_package worst "arches: [amd64, arm64]"
    push worst
    image=$(raw "$published" | jq -r '.manifests[0].digest')
    raw "$published" | put_manifest "$REGISTRY/demo/worst" renamed "$INDEX_TYPE"
    curl -sf -X DELETE "http://$REGISTRY/v2/demo/worst/manifests/$image"
    run -6 --separate-stderr lkcoord verify --json --plain-http --key "$SIGNING_KEY" --arches s390x "$REGISTRY/demo/worst:renamed"
    found '.references[0].verdict == "index-unsigned"'
    run -6 --separate-stderr lkcoord verify --json --plain-http --key "$SIGNING_KEY" --arches s390x "${published%@*}"
    found '.references[0].verdict == "architecture-missing"'
    run -6 --separate-stderr lkcoord verify --json --plain-http --key "$SIGNING_KEY" "${published%@*}"
    found '.references[0].verdict == "incomplete"'
    run -6 --separate-stderr lkcoord verify --json --plain-http --key "$SIGNING_KEY" "$REGISTRY/demo/worst:none"
    found '.references[0].verdict == "not-found"'
}
