# What lkcoord verify finds, and how it says so.

load helper

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
