# Signatures of both forms: where they lie, which keys make them, and what does not count as one.

load helper
. "$ROOT/tests/tools/sigstore.sh"

setup_file() {
    start_world
    mkdir -p "$WORLD/proxy"
    world_spawn proxy "$ROOT/tests/tools/faulty-proxy.py" "$WORLD/proxy" "$REGISTRY"
    world_wait "the proxy" 60 test -s "$WORLD/proxy/address"
    PROXY=$(cat "$WORLD/proxy/address")
    printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$PROXY" >>"$WORLD/registries.conf"
    declare -g PROXY
    echo "PROXY=$PROXY" >>"$WORLD/env"
    start_agents amd64 arm64
}

BUNDLE_TYPE=application/vnd.dev.sigstore.bundle.v0.3+json

digests_of() {
    echo "${1#*@}"
    raw "$1" | jq -r '.manifests[].digest'
}

# REPOSITORY DIGEST: the statements of the bundles that the tag in place of the referrers API lists.
statements() {
    local carrier blob
    for carrier in $(manifest "$1" "${2/:/-}" | jq -r '.manifests[].digest'); do
        blob=$(manifest "$1" "$carrier" | jq -r '.layers[0].digest')
        curl -sf "http://${1%%/*}/v2/${1#*/}/blobs/$blob" | jq -r .dsseEnvelope.payload | base64 -d
        echo
    done
}

@test "index and images carry every name in both forms, by the same key" {
    new_small_package both "arches: [amd64]"
    push both
    [ "$status" -eq 0 ]
    repository=$(repository_of "$published")
    tag=$(tag_of "$published")
    for digest in $(digests_of "$published"); do
        names=$repository:$tag
        [ "$digest" = "${published#*@}" ] || names="$repository:$tag-amd64 $repository:$tag"
        [ "$(statements "$repository" "$digest" | jq -r '.subject[].name' | paste -sd ' ')" = "$names" ]
        [ "$(statements "$repository" "$digest" | jq -r '.subject[].digest.sha256' | sort -u)" = "${digest#*:}" ]
        [ "$(manifest "$repository" "${digest/:/-}.sig" | jq '.layers | length')" = "$(wc -w <<<"$names")" ]
    done
}

# REFERENCE KEY
verifies_by_one_form() {
    local digest reference=$1
    # The registry deletes by digest only; a tag is taken from all by another manifest.
    for digest in $(digests_of "$reference"); do
        echo '{"schemaVersion":2,"mediaType":"'$INDEX_TYPE'","manifests":[]}' |
            put_manifest "$(repository_of "$reference")" "${digest/:/-}$3" "$INDEX_TYPE"
    done
    lkcoord verify --plain-http --key "$2" "$reference"
}

@test "either form proves that there is nothing to do" {
    new_small_package either "arches: [amd64]"
    push either
    verifies_by_one_form "$published" "$SIGNING_KEY" .sig
    push either
    grep -q 'nothing to do' <<<"$output"
    new_small_package other "arches: [amd64]"
    push other
    reference=$published
    verifies_by_one_form "$reference" "$SIGNING_KEY" ""
    push other
    grep -q 'nothing to do' <<<"$output"
    run -6 verifies_by_one_form "$reference" "$SIGNING_KEY" .sig
}

@test "a bundle that somebody attached is kept and proves nothing" {
    new_small_package attached "arches: [amd64]"
    push --disable-content-trust attached
    repository=$(repository_of "$published") digest=${published#*@}
    printf '{}' >"$BATS_TEST_TMPDIR/empty"
    location=$(curl -sf -D - -o /dev/null -X POST "http://$REGISTRY/v2/demo/attached/blobs/uploads/" |
        tr -d '\r' | sed -n 's/^Location: //p')
    curl -sf -X PUT --data-binary "@$BATS_TEST_TMPDIR/empty" -H 'Content-Type: application/octet-stream' \
        "$location&digest=sha256:$(sha256sum <"$BATS_TEST_TMPDIR/empty" | cut -d ' ' -f 1)"
    jq -nc --arg type "$BUNDLE_TYPE" --arg digest "$digest" '{schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: $type,
        config: {mediaType: "application/vnd.oci.empty.v1+json", size: 2,
            digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
        layers: [{mediaType: $type, size: 2,
            digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}]}' \
        | tr -d '\n' >"$BATS_TEST_TMPDIR/carrier"
    carrier=sha256:$(sha256sum <"$BATS_TEST_TMPDIR/carrier" | cut -d ' ' -f 1)
    put_manifest "$repository" "$carrier" application/vnd.oci.image.manifest.v1+json <"$BATS_TEST_TMPDIR/carrier"
    jq -nc --arg type "$BUNDLE_TYPE" --arg carrier "$carrier" \
        --argjson size "$(wc -c <"$BATS_TEST_TMPDIR/carrier")" '{schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{digest: $carrier, size: $size,
        mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: $type, annotations: {mine: "kept"}}]}' |
        put_manifest "$repository" "${digest/:/-}" "$INDEX_TYPE"
    run -6 lkcoord verify --key "$SIGNING_KEY" "$published"
    push attached
    [ "$status" -eq 0 ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
    manifest "$repository" "${digest/:/-}" | jq -e '.manifests | length == 2 and .[0].annotations.mine == "kept"'
}

@test "a registry with the referrers API keeps the list itself" {
    touch "$WORLD/proxy/referrers"
    new_small_package listed "arches: [amd64]"
    REGISTRY=$PROXY push listed
    [ "$status" -eq 0 ]
    repository=$(repository_of "$published")
    for digest in $(REGISTRY=$PROXY digests_of "$published"); do
        curl -sf "http://$PROXY/v2/demo/listed/referrers/$digest" |
            jq -e --arg type "$BUNDLE_TYPE" '[.manifests[] | select(.artifactType == $type)] | length == 1'
        run ! manifest "$repository" "${digest/:/-}"
    done
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
    verifies_by_one_form "$published" "$SIGNING_KEY" .sig
}

# Without the `.sig` tags, all depends on the list.
@test "trouble with the list of referrers does not pass for a registry that has none" {
    rm -f "$WORLD/proxy/referrers"
    new_small_package troubled "arches: [amd64]"
    REGISTRY=$PROXY push troubled
    [ "$status" -eq 0 ]
    for code in 405 501; do
        echo "9 GET /referrers/ status $code" >"$WORLD/proxy/faults"
        verifies_by_one_form "$published" "$SIGNING_KEY" .sig
    done

    touch "$WORLD/proxy/referrers"
    new_small_package asked "arches: [amd64]"
    : >"$WORLD/proxy/faults"
    REGISTRY=$PROXY push asked
    [ "$status" -eq 0 ]
    verifies_by_one_form "$published" "$SIGNING_KEY" .sig
    echo "2 GET /referrers/ status 500" >"$WORLD/proxy/faults"
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
    [ ! -s "$WORLD/proxy/faults" ]
    echo "99 GET /referrers/ status 520" >"$WORLD/proxy/faults"
    run -4 lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
    [[ $output == *"listing referrers: answered 520"* ]]
    rm -f "$WORLD/proxy/faults" "$WORLD/proxy/referrers"
}

# DIGEST-OF-THE-SUBJECT NUMBER...: carriers of nothing, as others may attach them.
attach_others() {
    local subject=$1 config=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a n
    local upload
    upload=$(curl -sf -i -X POST "http://$PROXY/v2/$repository/blobs/uploads/" | sed -n 's/^[Ll]ocation: //p' | tr -d '\r')
    curl -sf -X PUT --data-binary '{}' -H 'Content-Type: application/octet-stream' "$upload&digest=$config"
    shift
    for n; do
        printf '{"schemaVersion":2,"mediaType":"%s","artifactType":"application/x.%s","config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"%s"},"layers":[],"subject":{"mediaType":"%s","size":7,"digest":"%s"}}' \
            "$IMAGE_TYPE" "$n" "$config" "$INDEX_TYPE" "$subject" >"$BATS_TEST_TMPDIR/carrier"
        put_manifest "$PROXY/$repository" "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/carrier" | cut -d ' ' -f 1)" "$IMAGE_TYPE" <"$BATS_TEST_TMPDIR/carrier"
    done
}

@test "a list in pages is read to its end, a page that cannot be had is not the end, and one without end is refused" {
    echo 1 >"$WORLD/proxy/referrers"
    : >"$WORLD/proxy/faults"
    new_small_package paged "arches: [amd64]"
    repository=demo/paged
    REGISTRY=$PROXY push paged
    [ "$status" -eq 0 ]
    index=${published#*@}
    verifies_by_one_form "$published" "$SIGNING_KEY" .sig
    attach_others "$index" 1 2 3
    lkcoord push --allow-emulation --org "$PROXY/demo" paged
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
    curl -sf -D - "http://$PROXY/v2/$repository/referrers/$index" | grep -i '^link: .*from=1'
    echo "99 GET /referrers/.*from=1 status 404" >"$WORLD/proxy/faults"
    run -4 lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
    [[ $output == *"does not give page 2 of its list of referrers"* ]]
    : >"$WORLD/proxy/faults"
    attach_others "$index" {4..20}
    run -4 lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
    [[ $output == *"list of referrers of $index has more than 16 pages"* ]]
    rm -f "$WORLD/proxy/referrers"
}

# PUT is answered, and what is found afterwards is what it was: as if another one had written at the same time.
@test "a list that is not what was written there is read and added to again" {
    rm -f "$WORLD/proxy/referrers"
    new_small_package lost "arches: [amd64]"
    printf '%s\n' '2 PUT /manifests/sha256-[0-9a-f]{64}\.sig$ status 201' \
        '2 PUT /manifests/sha256-[0-9a-f]{64}$ status 201' >"$WORLD/proxy/faults"
    REGISTRY=$PROXY push lost
    [ "$status" -eq 0 ]
    [ ! -s "$WORLD/proxy/faults" ]
    repository=$(repository_of "$published")
    for digest in $(REGISTRY=$PROXY digests_of "$published"); do
        manifest "$repository" "${digest/:/-}.sig" | jq -e '.layers | length > 0'
        [ -n "$(statements "$repository" "$digest")" ]
    done
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$published"
}

# NAME FILTER: the published index changed, with all signatures of the right one attached to it.
tampered() {
    local name=$1 changed digest repository=$REGISTRY/demo/judged right=${published#*@}
    raw "$published" | jq -c "$2" | tr -d '\n' >"$BATS_TEST_TMPDIR/$name"
    digest=sha256:$(sha256sum <"$BATS_TEST_TMPDIR/$name" | cut -d ' ' -f 1)
    [ "$digest" != "$right" ]
    put_manifest "$repository" "$digest" "$INDEX_TYPE" <"$BATS_TEST_TMPDIR/$name"
    manifest "$repository" "${right/:/-}.sig" |
        put_manifest "$repository" "${digest/:/-}.sig" application/vnd.oci.image.manifest.v1+json
    manifest "$repository" "${right/:/-}" | put_manifest "$repository" "${digest/:/-}" "$INDEX_TYPE"
    lkcoord verify --key "$SIGNING_KEY" "$repository@$digest"
}

@test "whatever is changed in an index is refused, whatever is attached to it" {
    new_small_package judged "arches: [amd64, arm64]"
    push judged
    lkcoord verify --key "$SIGNING_KEY" "${published%@*}"
    run -6 tampered swapped '.manifests as $m | .manifests[0].platform = $m[1].platform | .manifests[1].platform = $m[0].platform'
    run -6 tampered dropped '.manifests |= .[:1]'
    run -6 tampered annotated '.annotations = {note: "mine"}'
    run -6 tampered spaced '.manifests[0].annotations = {a: "b"}'
}

@test "two keys sign while one replaces the other, and either is enough" {
    lkcoord keys new --directory "$WORLD/keys" --type ecdsa-p256 next >/dev/null
    sign_with "key: $WORLD/keys/next.key" "second-key: $WORLD/keys/signing.key"
    new_small_package rotated "arches: [amd64]"
    push rotated
    [ "$status" -eq 0 ]
    lkcoord verify --key "$WORLD/keys/next.pub" "$published"
    lkcoord verify --key "$SIGNING_KEY" "$published"
    [ "$(statements "$REGISTRY/demo/rotated" "${published#*@}" | grep -c predicateType)" -eq 2 ]
    push rotated
    grep -q 'nothing to do' <<<"$output"
    sign_with "key: $WORLD/keys/signing.key"
}

@test "a key comes from openssl, gets another passphrase, and says its public half" {
    cd "$BATS_TEST_TMPDIR"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out foreign.pem
    chmod 644 foreign.pem
    run -5 lkcoord keys import mine foreign.pem
    [[ $output == *foreign.pem* ]]
    chmod 600 foreign.pem
    lkcoord keys import mine foreign.pem
    [ "$(cat mine.pub)" = "$(openssl pkey -in foreign.pem -pubout)" ]
    grep -q 'BEGIN ENCRYPTED SIGSTORE PRIVATE KEY' mine.key
    echo another >new
    lkcoord keys passwd --new-passphrase-file new mine.key
    run ! lkcoord keys public mine.key
    [ "$(COSIGN_PASSWORD=another lkcoord keys public mine.key)" = "$(cat mine.pub)" ]
    COSIGN_PASSWORD=another lkcoord keys import twin mine.key
    [ "$(cat twin.pub)" = "$(cat mine.pub)" ]
    run ! lkcoord keys import mine foreign.pem
}
