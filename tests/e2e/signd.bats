# lkcoord-signd by itself: what it signs, and what it does about peers, files and disks that are not as they should be.

load helper

setup_file() {
    use_world
    mkdir -p "$WORLD"/{log,pids,keys}
    export COSIGN_PASSWORD=open-sesame
    lkcoord keys new --directory "$WORLD/keys" --signing signing >/dev/null
    lkcoord keys new --directory "$WORLD/keys" --signing --type ecdsa-p256 second >/dev/null
}

# Each test has a signer of its own.
setup() {
    export COSIGN_PASSWORD=open-sesame
    DIR=$BATS_TEST_TMPDIR
    SIGND=signd-$BATS_TEST_NUMBER
    config
}

teardown() {
    world_kill "$SIGND" KILL
}

# [LINE...]: lkcoord-signd.yml, with more lines.
config() {
    cat >"$DIR/signd.yml" <<END
socket: $DIR/socket
record: $DIR/record
allow: [$(id -u)]
key: $WORLD/keys/signing.key
repositories:
  - {name: registry.example/single/*}
  - {name: registry.example/kit/*, arches: [amd64, arm64]}
END
    for line; do echo "$line" >>"$DIR/signd.yml"; done
}

start() {
    world_spawn "$SIGND" lkcoord-signd --config "$DIR/signd.yml"
    world_wait "the signer" 10 answers
}

answers() {
    ask </dev/null | grep -q error
}

ask() {
    "$ROOT/tests/tools/signd-ask.py" "$DIR/socket" "$@"
}

# ARCH...: an index of images that nobody looks at.
index() {
    local n=0 arch digest entries=
    for arch; do
        digest=$(printf %064d $((++n)))
        entries+=${entries:+,}'{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,"digest":"sha256:'$digest'",'
        entries+='"platform":{"os":"linux","architecture":"'$arch'"}}'
    done
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' "$entries"
}

# NAME... <MANIFEST
request() {
    printf '{"manifest":"%s","names":%s}\n' "$(base64 -w 0)" "$(jq -cn '$ARGS.positional' --args "$@")"
}

# KIND TEXT: the request on stdin is refused so, and nothing is recorded of it.
refused() {
    local before after
    before=$(wc -l <"$DIR/record")
    run ask
    after=$(wc -l <"$DIR/record")
    echo "$output"
    jq -e --arg kind "$1" --arg text "$2" '.kind == $kind and (.error | contains($text))' <<<"$output"
    [ "$before" -eq "$after" ]
}

# [COUNT]: what is right is signed, by as many keys, and its line is the record's last.
signed() {
    local index digest
    index=$(index amd64 arm64)
    digest=sha256:$(printf %s "$index" | sha256sum | cut -d ' ' -f 1)
    printf %s "$index" | request registry.example/kit/a:1 registry.example/kit/a:hash >"$DIR/request"
    run -0 ask <"$DIR/request"
    echo "$output"
    jq -e --argjson count "${1:-1}" '(.keys | length) == $count and all(.keys[]; .signatures | length == 3)' \
        <<<"$output"
    tail -n 1 "$DIR/record" | jq -e --arg digest "$digest" --argjson uid "$(id -u)" --argjson count "${1:-1}" \
        '.digest == $digest and .uid == $uid and .repository == "registry.example/kit/a" and
         .names == ["registry.example/kit/a:1", "registry.example/kit/a:hash"] and
         (.keys | length) == $count and (.time | fromdate | . > now - 600)'
}

@test "what is configured is signed, once its line is in the record" {
    start
    signed
    signed
    [ "$(wc -l <"$DIR/record")" -eq 2 ]
    [ "$(stat -c %a "$DIR/record")" = 600 ]
}

@test "during a rotation both keys sign" {
    config "second-key: $WORLD/keys/second.key"
    start
    signed 2
}

@test "a user who is not named is told so, whatever he sends" {
    sed -i "s/^allow:.*/allow: [$(($(id -u) + 1))]/" "$DIR/signd.yml"
    start
    index amd64 | request registry.example/single/a:1 | refused denied "user $(id -u) may not ask"
    head -c 7000000 /dev/zero | refused denied "user $(id -u) may not ask"
}

@test "what is no request is refused with a reason, and the next one is served" {
    local r=registry.example/single/a:1
    start
    echo 'hello' | refused invalid 'not JSON'
    printf '\377\376\n' | refused invalid 'not JSON'
    echo '[]' | refused invalid 'not as it should be'
    index amd64 | request $r | sed 's/^{/{"sign":"this",/' | refused invalid 'not as it should be'
    index amd64 | request | refused invalid names
    index amd64 | request $r $r $r $r $r | refused invalid names
    echo '{"manifest":"e30=","names":[7]}' | refused invalid names
    echo '{"manifest":"?","names":["'$r'"]}' | refused invalid base64
    request $r </dev/null | refused invalid 'must have 1 to'
    index amd64 | request $r | head -c 100 | refused retry 'ended before its line did'
    head -c 7000000 /dev/zero | tr '\0' x | refused limit 'longer than'
    printf 'any opaque bytes' | request $r | refused invalid 'neither an index nor an image'
    echo '{"critical":{},"optional":null}' | request $r | refused invalid 'neither an index nor an image'
    signed
}

@test "what is not of a configured repository, or not all of it, is refused" {
    start
    index amd64 | request registry.example/other/a:1 | refused denied 'in none of the `repositories`'
    index amd64 | request other.example/single/a:1 | refused denied 'in none of the `repositories`'
    index amd64 | request registry.example/single/a:1 registry.example/single/b:1 | refused invalid 'of two repositories'
    index amd64 | request registry.example/single/a | refused invalid 'is not HOST/PATH:TAG'
    index amd64 | request "registry.example/single/a:1@sha256:$(printf %064d 1)" | refused invalid 'is not HOST/PATH:TAG'
    index amd64 | request registry.example/kit/a:1 | refused denied 'no image for arm64'
    index amd64 arm64 amd64 | request registry.example/kit/a:1 | refused denied 'two images for amd64'
    index amd64 arm64 | sed s/linux/windows/ | request registry.example/kit/a:1 | refused denied 'no image for Linux'
    index | request registry.example/single/a:1 | refused denied 'the index has no images'
    signed
}

@test "peers who send half a request keep nobody waiting, and are told" {
    start
    index amd64 | request registry.example/single/a:1 >"$DIR/request"
    run -0 ask 20 <"$DIR/request"
    echo "$output"
    [[ ${lines[0]} == '{"keys":'* ]]
    [ "${lines[1]}" = "still waiting: 20" ]
    [ "$(grep -c 'the request is not whole after 5 s' <<<"$output")" -eq 20 ]
    # More than are listened to at once: the rest gets its turn.
    run -0 ask 80 <"$DIR/request"
    [[ ${lines[0]} == '{"keys":'* ]]
}

@test "a full disk under the record is told, nothing is signed, and it goes on later" {
    local given=0
    mkdir "$WORLD/disk"
    mount -t tmpfs -o size=64k,mode=700 lkcoord-test "$WORLD/disk"
    sed -i "s|^record:.*|record: $WORLD/disk/record|" "$DIR/signd.yml"
    start
    index amd64 | request registry.example/single/a:1 >"$DIR/request"
    # The block that it has is not full yet, so that a line gets cut.
    run -0 ask <"$DIR/request"
    head -c 1000000 /dev/zero >"$WORLD/disk/filler" || true
    until run -0 ask <"$DIR/request" && [[ $output != '{"keys":'* ]]; do
        given=$((given + 1))
        [ "$given" -lt 100 ]
    done
    rm "$WORLD/disk/filler"
    echo "$output" | jq -e '.kind == "retry" and (.error | contains("No space left on device; without it, no signature is given"))'
    run -0 ask <"$DIR/request"
    jq -R 'fromjson? | .digest' "$WORLD/disk/record" >"$DIR/whole"
    world_kill "$SIGND"
    umount "$WORLD/disk"
    [[ $output == '{"keys":'* ]]
    [ "$given" -gt 0 ]
    [ "$(wc -l <"$DIR/whole")" -eq $((given + 2)) ]
}

@test "killed, it leaves a whole record and a socket that the next one takes over" {
    start
    signed
    world_kill "$SIGND" KILL
    [ -S "$DIR/socket" ]
    # As a machine that lost its power may leave it.
    printf '{"time":"20' >>"$DIR/record"
    start
    signed
    [ "$(jq -R 'fromjson? | .digest' "$DIR/record" | wc -l)" -eq 2 ]
}

# TEXT: it does not start, with this reason.
no_start() {
    run timeout 10 lkcoord-signd --config "$DIR/signd.yml"
    echo "$output"
    [ "$status" -eq 1 ] && [[ $output == *"$1"* ]]
}

@test "it does not start with a key that others can read, does not open, or is there twice" {
    cp "$WORLD/keys/signing.key" "$DIR/copy.key"
    sed -i "s|^key:.*|key: $DIR/copy.key|" "$DIR/signd.yml"
    chmod 640 "$DIR/copy.key"
    no_start "copy.key"
    [[ $output == *chmod* ]]
    chmod 600 "$DIR/copy.key"
    COSIGN_PASSWORD=wrong no_start passphrase
    [[ $output != *wrong* ]]
    (unset COSIGN_PASSWORD && no_start 'needs a passphrase')
    echo "second-key: $WORLD/keys/signing.key" >>"$DIR/signd.yml"
    no_start 'holds the same key as the first one'
    sed -i '/^second-key/d' "$DIR/signd.yml"
    sed -i '3s/./x/g' "$DIR/copy.key"
    no_start copy.key
}

@test "a second one for the same socket or record is refused" {
    start
    sed "s|^socket:.*|socket: $DIR/other|" "$DIR/signd.yml" >"$DIR/other.yml"
    sed -i "s|^record:.*|record: $DIR/another|" "$DIR/signd.yml"
    no_start 'another process listens there'
    mv "$DIR/other.yml" "$DIR/signd.yml"
    no_start 'another process keeps this record'
}
