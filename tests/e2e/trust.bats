# What is trusted and what is not, and the options with which one says so; what a push leaves out.

load helper

setup_file() {
    start_world
    start_agents amd64 arm64
}

# NAME [LINE...]: a package for the one native architecture.
native_package() {
    new_small_package "$1" "arches: [amd64]" "${@:2}"
}

# NAME: what its tag's index is now.
index_of() {
    raw "$(lkcoord show-tag --org "$REGISTRY/demo" "$1")"
}

# NAME < INDEX: puts an index under the package's tag.
put_index() {
    local tag
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" "$1")
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @- \
        "http://$REGISTRY/v2/demo/$1/manifests/${tag##*:}"
}

# FILTER NAME: changes the package's index as a stranger would.
tamper() {
    local index
    index=$(index_of "$2" | jq -c "$1")
    put_index "$2" <<<"$index"
}

# NAME ARCH DIGEST: writes the arch tag of what was published last.
put_arch_tag() {
    local tag
    tag=$(tag_of "$published")
    raw "${published%@*}@$3" >"$BATS_TEST_TMPDIR/manifest"
    curl -sf -X PUT -H "Content-Type: $(jq -r .mediaType "$BATS_TEST_TMPDIR/manifest")" \
        --data-binary "@$BATS_TEST_TMPDIR/manifest" "http://$REGISTRY/v2/demo/$1/manifests/$tag-$2"
}

as_another_arch() {
    echo ".manifests += [.manifests[0] | .platform.architecture = \"$1\"]"
}

# NAME: a stranger's index of one amd64 image under the package's tag; $planted is that image's digest.
plant() {
    local index
    skopeo copy --quiet --all --src-tls-verify=false --dest-tls-verify=false \
        "docker://$REGISTRY/base/busybox:1" "docker://$REGISTRY/demo/$1:seed"
    index=$(raw "$REGISTRY/demo/$1:seed" | jq -c '.manifests |= map(select(.platform.architecture == "amd64"))')
    planted=$(jq -r '.manifests[0].digest' <<<"$index")
    put_index "$1" <<<"$index"
}

child_of() {
    raw "$1" | jq -r ".manifests[] | select(.platform.architecture == \"$2\").digest"
}

is_built() {
    grep -q '[]] building' <<<"$output"
}

@test "without content trust the result is unsigned, says so, and does not verify" {
    native_package unsigned
    push -disable-content-trust unsigned
    [ "$status" -eq 0 ]
    grep -q 'unsigned\|not signed' <<<"$output"
    run -6 lkcoord verify --key "$SIGNING_KEY" "$published"
    run ! raw "$(repository_of "$published"):${published##*@sha256:}.sig"
}

@test "unsigned and ours is nothing to do for a push that does not sign" {
    native_package again
    push --disable-content-trust again
    first=$published
    push --disable-content-trust again
    [ "$status" -eq 0 ]
    [ "$output" = "$first is complete: nothing to do" ]
}

@test "a later push that signs does so without building" {
    native_package later
    push --disable-content-trust later
    first=$published
    push later
    [ "$status" -eq 0 ]
    run ! is_built
    [ "$published" = "$first" ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
    push later
    grep -q 'nothing to do' <<<"$output"
}

@test "--adopt as the refusal says keeps and signs the stranger's image" {
    native_package adopted
    plant adopted
    push adopted
    [ "$status" -eq 5 ]
    way_out=$(grep -oE -m 1 -e '--adopt sha256:[0-9a-f]{64}' <<<"$output" | head -n 1)
    [ "$way_out" = "--adopt $planted" ]
    push $way_out adopted
    [ "$status" -eq 0 ]
    run ! is_built
    [ "$(child_of "$published" amd64)" = "$planted" ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
}

@test "--replace as the refusal says builds the architecture anew" {
    native_package replaced
    plant replaced
    push replaced
    [ "$status" -eq 5 ]
    way_out=$(grep -oE -e '--replace [a-z0-9]+' <<<"$output" | head -n 1)
    [ "$way_out" = "--replace amd64" ]
    push $way_out replaced
    [ "$status" -eq 0 ]
    [ "$(arches_of "$published")" = amd64 ]
    [ "$(child_of "$published" amd64)" != "$planted" ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
}

@test "our own image listed for another architecture too is not trusted, adopted or not" {
    native_package relabelled
    push relabelled
    [ "$status" -eq 0 ]
    ours=$(child_of "$published" amd64)
    tamper "$(as_another_arch riscv64)" relabelled
    put_arch_tag relabelled riscv64 "$ours"
    push relabelled
    [ "$status" -eq 5 ]
    grep -q "entry for riscv64" <<<"$output"
    push --adopt "$ours" relabelled
    [ "$status" -eq 6 ]
    grep -q "riscv64.*${ours:0:19}.*linux/amd64" <<<"$output"
    push --replace riscv64 relabelled
    [ "$status" -eq 0 ]
    [ "$(arches_of "$published")" = amd64 ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
}

@test "the same for an architecture that the package requires is built anew" {
    new_small_package twice "arches: [amd64, arm64]"
    push --platforms linux/amd64 twice
    ours=$(child_of "$published" amd64)
    tamper "$(as_another_arch arm64)" twice
    put_arch_tag twice arm64 "$ours"
    push twice
    [ "$status" -eq 5 ]
    push --replace arm64 twice
    [ "$status" -eq 0 ]
    [ "$(child_of "$published" arm64)" != "$ours" ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
}

@test "--replace unknown, as the refusal of an attestation says, leaves it out" {
    native_package attested
    push attested
    first=$published
    tamper '.manifests += [.manifests[0] | .platform = {os: "unknown", architecture: "unknown"}]' attested
    push attested
    [ "$status" -eq 5 ]
    [[ $output != *--adopt* ]]
    way_out=$(grep -oE -e '--replace [a-z0-9]+' <<<"$output" | head -n 1)
    [ "$way_out" = "--replace unknown" ]
    push $way_out attested
    [ "$status" -eq 0 ]
    [ "$published" = "$first" ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
}

@test "--skip-platforms leaves an architecture out, and a later push adds it" {
    new_small_package skipping "arches: [amd64, arm64]"
    push --skip-platforms linux/arm64 skipping
    [ "$status" -eq 0 ]
    [ "$(arches_of "$published")" = amd64 ]
    kept=$(child_of "$published" amd64)
    push skipping
    [ "$status" -eq 0 ]
    [ "$(arches_of "$published")" = "amd64 arm64" ]
    [ "$(child_of "$published" amd64)" = "$kept" ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
}

@test "a package for no architecture is skipped, with exit 0" {
    new_small_package nowhere "arches: []"
    push nowhere
    [ "$status" -eq 0 ]
    [ -z "$published" ]
    grep -q nowhere <<<"$output"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" nowhere)"
}

@test "one push publishes two packages" {
    native_package left
    native_package right
    push left right
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$published")" -eq 2 ]
    for reference in $published; do
        lkcoord verify --key "$SIGNING_KEY" "$reference"
    done
}

@test "of two packages the good one is published though the other one fails" {
    native_package good
    new_package bad "arches: [amd64]" <<'END'
FROM base.lkcoord.example/busybox:1
RUN false
END
    push good bad
    [ "$status" -eq 1 ]
    [[ $published == "$REGISTRY/demo/good:"* ]]
}

says_why() {
    lkcoord status "$1" | grep -q 'no connected agent builds for riscv64'
}

@test "a push that nobody can build waits, says why, and can be cancelled" {
    new_small_package exotic "arches: [riscv64]"
    id=$(lkcoord push --detach --org "$REGISTRY/demo" exotic)
    world_wait "the reason" 10 says_why "$id"
    lkcoord status --output json "$id" | jq -e '.ended == false'
    lkcoord cancel "$id"
    run -130 lkcoord watch "$id"
}

@test "plan says in JSON what would be built and what kept, and does neither" {
    new_small_package planned "arches: [amd64, arm64]"
    push --platforms linux/amd64 planned
    before=$(raw "$published" | sha256sum)
    lkcoord plan --allow-emulation --output json --org "$REGISTRY/demo" planned >"$BATS_TEST_TMPDIR/plan"
    jq -e . "$BATS_TEST_TMPDIR/plan"
    [ "$(jq -r '.packages[].arches[] | "\(.arch) \(.action)"' "$BATS_TEST_TMPDIR/plan" | paste -sd ,)" = \
        "amd64 keep,arm64 build" ]
    lkcoord plan --allow-emulation --org "$REGISTRY/demo" planned | grep -E 'amd64 +keep'
    [ "$(raw "${published%@*}" | sha256sum)" = "$before" ]
}

# NAME [LINE...]: whose step sees whether there is a network.
package_that_calls() {
    new_package "$1" "arches: [amd64]" "${@:2}" <<END
FROM base.lkcoord.example/busybox:1
# Builders take a cached step whatever the network: the first step makes this package's its own.
COPY build.yml /$1.yml
RUN if nc -w 2 ${REGISTRY/:/ } </dev/null; then echo network: yes; else echo network: no; fi
END
}

log_of_push() {
    lkcoord logs "$(sed -n 's/^push \([0-9]*\) .*/\1/p' <<<"$output")"
}

@test "only with network: true a RUN step reaches the host's network" {
    package_that_calls lonely
    push lonely
    log_of_push | grep 'network: no$'
    package_that_calls connected "network: true"
    push connected
    log_of_push | grep 'network: yes$'
}
