# What verifiers say when somebody has had the registry for himself.  Each attack is a row of the table in the README, and
# the row must be what is seen here.

load helper

setup_file() {
    start_world
    start_agents amd64 arm64
    start_verifiers
    lkcoord keys new --directory "$WORLD/keys" --signing stranger >/dev/null
}

# NAME [ARGUMENT...]: a package of two architectures, new each time, pushed; sets the names by which the attacks know it.
publish() {
    new_small_package "$1" "arches: [amd64, arm64]" "# $((++pushes))"
    push_known "$@"
}

push_known() {
    push "${@:2}" "$1"
    [ "$status" -eq 0 ]
    repository=$(repository_of "$published") tag=$(tag_of "$published") index=${published#*@}
    mapfile -t images < <(raw "$published" | jq -r '.manifests[].digest')
    [ ${#images[@]} -eq 2 ]
}

verdict_of() {
    run ask "$1" "$2" "$repository:$tag"
    echo "--- $1: $status: $output" >&2
    if [ "$status" -eq 0 ]; then
        echo yes
    elif [[ $output =~ $REFUSAL ]]; then
        echo no
    else
        echo '?'
    fi
}

# ATTACK [KEY]: what all say of the tag, as a row.
judged() {
    local verifier key=${2:-$SIGNING_KEY} row="| $1 |"
    for verifier in $VERIFIERS; do row+=" $(verdict_of "$verifier" "$key") |"; done
    run --separate-stderr lkcoord verify --json --plain-http --key "$key" "$repository:$tag"
    row+=" $(jq -r '.references[0].verdict | if . == "verified" then "yes" else . end' <<<"$output") |"
    echo "$row" | tee -a "$WORLD/rows"
    grep -qxF "$row" "$ROOT/README.md"
}

# FILE: from now on the tag says this.
move_tag() {
    put_manifest "$repository" "$tag" "$INDEX_TYPE" <"$1"
}

# FROM TO: what is attached to the one is attached to the other.
attach_also() {
    manifest "$repository" "${1/:/-}.sig" | put_manifest "$repository" "${2/:/-}.sig" "$IMAGE_TYPE"
    manifest "$repository" "${1/:/-}" | put_manifest "$repository" "${2/:/-}" "$INDEX_TYPE"
}

# JQ-FILTER: the tag's index is changed, and has all signatures of the right one.
change_index() {
    local file=$BATS_TEST_TMPDIR/index
    raw "$published" | jq -c "$1" | tr -d '\n' >"$file"
    move_tag "$file"
    attach_also "$index" "sha256:$(sha256sum <"$file" | cut -d ' ' -f 1)"
}

# DIGEST...
take_signatures_away() {
    local digest place
    for digest; do
        for place in "${digest/:/-}.sig" "${digest/:/-}"; do
            curl -sf -X DELETE "http://${repository%%/*}/v2/${repository#*/}/manifests/$(digest_of "$repository:$place")"
            run ! manifest "$repository" "$place"
        done
    done
}

# FILE: its digest; the registry has it.
put_blob() {
    local location digest
    digest=sha256:$(sha256sum <"$1" | cut -d ' ' -f 1)
    location=$(curl -sf -D - -o /dev/null -X POST "http://${repository%%/*}/v2/${repository#*/}/blobs/uploads/" |
        tr -d '\r' | sed -n 's/^Location: //p')
    curl -sf -X PUT --data-binary "@$1" -H 'Content-Type: application/octet-stream' "$location&digest=$digest"
    echo "$digest"
}

# FILE FILTER [ARGUMENT...]: jq's, in place.
edit() {
    jq -c "${@:3}" "$2" "$1" | tr -d '\n' >"$1.new"
    mv "$1.new" "$1"
}

# DIGEST FILTER: changes the bundle attached to it, and lists it anew.
change_bundle() {
    local dir=$BATS_TEST_TMPDIR
    bundle "$repository" "$1" >"$dir/changed"
    manifest "$repository" "${1/:/-}" >"$dir/list"
    manifest "$repository" "$(jq -r '.manifests[0].digest' "$dir/list")" >"$dir/carrier"
    edit "$dir/changed" "$2"
    edit "$dir/carrier" '.layers[0] += {digest: $digest, size: $size}' \
        --arg digest "$(put_blob "$dir/changed")" --argjson size "$(wc -c <"$dir/changed")"
    put_manifest "$repository" "sha256:$(sha256sum <"$dir/carrier" | cut -d ' ' -f 1)" "$IMAGE_TYPE" <"$dir/carrier"
    edit "$dir/list" '.manifests[0] += {digest: $digest, size: $size}' \
        --arg digest "sha256:$(sha256sum <"$dir/carrier" | cut -d ' ' -f 1)" --argjson size "$(wc -c <"$dir/carrier")"
    put_manifest "$repository" "${1/:/-}" "$INDEX_TYPE" <"$dir/list"
}

# DIGEST...: a bit of each signature over it, in both forms, is another one.
flip_signatures() {
    local digest i file=$BATS_TEST_TMPDIR/signatures flipped
    for digest; do
        manifest "$repository" "${digest/:/-}.sig" >"$file"
        for i in $(seq 0 $(($(jq '.layers | length' "$file") - 1))); do
            flipped=$(jq -r ".layers[$i].annotations[]" "$file" | flip_bit)
            edit "$file" ".layers[$i].annotations[] = \"$flipped\""
        done
        put_manifest "$repository" "${digest/:/-}.sig" "$IMAGE_TYPE" <"$file"
        flipped=$(bundle "$repository" "$digest" | jq -r '.dsseEnvelope.signatures[0].sig' | flip_bit)
        change_bundle "$digest" ".dsseEnvelope.signatures[0].sig = \"$flipped\""
    done
}

# DIGEST OTHER: what is signed of the one now says that it is of the other.
rename_signed() {
    local i file=$BATS_TEST_TMPDIR/signatures payload=$BATS_TEST_TMPDIR/said
    manifest "$repository" "${2/:/-}.sig" >"$file"
    for i in $(seq 0 $(($(jq '.layers | length' "$file") - 1))); do
        blob "$repository" "$(jq -r ".layers[$i].digest" "$file")" | sed "s/${1#*:}/${2#*:}/" >"$payload"
        edit "$file" ".layers[$i].digest = \"$(put_blob "$payload")\""
    done
    put_manifest "$repository" "${2/:/-}.sig" "$IMAGE_TYPE" <"$file"
    payload=$(bundle "$repository" "$2" | jq -r .dsseEnvelope.payload | base64 -d |
        sed "s/${1#*:}/${2#*:}/" | base64 -w 0)
    change_bundle "$2" ".dsseEnvelope.payload = \"$payload\""
}

@test "what nobody touched is accepted by all" {
    publish untouched
    judged "nothing"
    judged "signed by another key" "$WORLD/keys/stranger.pub"
}

@test "a changed signature of the index" {
    publish flipped-index
    flip_signatures "$index"
    judged "a bit of the index's signatures"
}

@test "a changed signature of the images" {
    publish flipped-image
    flip_signatures "${images[@]}"
    judged "a bit of the images' signatures"
}

# Of the same repository; what it has of signatures is copied, then also made to say its digest.
@test "another image with the right one's signatures" {
    publish other
    right=("$index" "${images[@]}") right_tag=$tag
    publish other --disable-content-trust
    raw "$published" >"$BATS_TEST_TMPDIR/unsigned"
    unsigned=("$index" "${images[@]}") tag=$right_tag
    move_tag "$BATS_TEST_TMPDIR/unsigned"
    for i in 0 1 2; do attach_also "${right[i]}" "${unsigned[i]}"; done
    judged "another image, with its signatures"
    for i in 0 1 2; do rename_signed "${right[i]}" "${unsigned[i]}"; done
    judged "the same, and they say its digest"
}

@test "swapped architectures" {
    publish swapped
    change_index '.manifests as $m | .manifests[0].platform = $m[1].platform | .manifests[1].platform = $m[0].platform'
    judged "architectures swapped in the index"
}

@test "a dropped architecture" {
    publish dropped
    change_index '.manifests |= .[:1]'
    judged "an architecture dropped from it"
}

@test "an added annotation" {
    publish annotated
    change_index '.annotations = {note: "mine"}'
    judged "an annotation added to it"
}

@test "another tag's index under this tag" {
    publish other-tag
    raw "$published" >"$BATS_TEST_TMPDIR/earlier"
    publish other-tag
    move_tag "$BATS_TEST_TMPDIR/earlier"
    judged "another tag's index"
}

# Built again of the same source: both are signed for this tag.
@test "an older index under its own tag" {
    new_package older "arches: [amd64, arm64]" <<END
FROM base.lkcoord.example/busybox:1
RUN date +%s.%N >/when
END
    push_known older
    raw "$published" >"$BATS_TEST_TMPDIR/older"
    older=$index older_tag=$tag
    push_known older --force
    [ "$index" != "$older" ]
    [ "$tag" = "$older_tag" ]
    move_tag "$BATS_TEST_TMPDIR/older"
    judged "an older index of this tag"
}

# DIGEST SED-SCRIPT: other bytes in the registry's own file.
change_bytes() {
    local file=$WORLD/registry/data/docker/registry/v2/blobs/sha256/${1:7:2}/${1#*:}/data
    sed -i "$2" "$file"
    [ "sha256:$(sha256sum <"$file" | cut -d ' ' -f 1)" != "$1" ]
}

@test "other bytes than the digest's, of the index" {
    publish changed-index
    change_bytes "$index" 's/"arm64"/"arn64"/'
    judged "a byte of the index, at the registry"
}

@test "other bytes than the digest's, of the images" {
    publish changed-images
    for image in "${images[@]}"; do change_bytes "$image" 's/"layers"/"layerz"/'; done
    judged "a byte of the images, at the registry"
}

@test "no signature of the index" {
    publish bare-index
    take_signatures_away "$index"
    judged "no signature of the index"
}

@test "no signature of the images" {
    publish bare-images
    take_signatures_away "${images[@]}"
    judged "no signature of the images"
}

@test "the table in the README has no other rows" {
    sed -n '/^| what was done/,/^$/p' "$ROOT/README.md" | tail -n +3 | grep . | diff "$WORLD/rows" -
}
