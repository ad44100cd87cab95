# A registry on a bad day: every fault between it and real daemons, and what becomes of a push.

load ../e2e/helper

setup_file() {
    start_world
    mkdir "$WORLD/proxy"
    world_spawn proxy "$ROOT/tests/tools/faulty-proxy.py" "$WORLD/proxy" "$REGISTRY"
    world_wait "the proxy" 20 test -s "$WORLD/proxy/address"
    start_agents amd64
}

# NAME: a package of one layer that has to be sent by PATCH.
package() {
    mkdir -p "$WORLD/source/$1"
    head -c 3000000 /dev/urandom >"$WORLD/source/$1/data"
    new_package "$1" "arches: [amd64]" <<END
FROM scratch
COPY data /$1.data
CMD ["/none"]
END
}

# NAME [FAULT-LINE...]: makes the package and pushes it through the proxy on such a day.
push_on_a_bad_day() {
    local proxy line
    proxy=$(cat "$WORLD/proxy/address")
    package "$1"
    : >"$WORLD/proxy/requests"
    for line in "${@:2}"; do echo "$line"; done >"$WORLD/proxy/faults"
    REGISTRY=$proxy push "$1"
    cat "$WORLD/proxy/faults" "$WORLD/proxy/requests"
}

# Every fault struck; the index that the registry itself has is whole and signed; it was built once.
is_published() {
    [ "$status" -eq 0 ]
    [ ! -s "$WORLD/proxy/faults" ]
    [ "$(arches_of "${published/$(cat "$WORLD/proxy/address")/$REGISTRY}")" = amd64 ]
    lkcoord verify --key "$SIGNING_KEY" --arches amd64 "$published"
}

is_built_once() {
    run ! grep -q 'attempt 2' "$WORLD/log/push.$BATS_TEST_NUMBER.err"
}

# REGEX: how many bytes of bodies requests like that brought.
bytes_of() {
    grep -E "$1" "$WORLD/proxy/requests" | awk '{ bytes += $3 } END { print bytes + 0 }'
}

@test "a day without faults" {
    push_on_a_bad_day fine
    is_published
    is_built_once
    [ "$(bytes_of '^PATCH ')" -gt 3000000 ]
    [ "$(bytes_of '^PATCH ')" -lt 3100000 ]
}

@test "a blob that is cut is sent again whole to a registry that gave it up" {
    push_on_a_bad_day cut "1 PATCH /uploads/ reset 1000000"
    is_published
    is_built_once
    # Debian's docker-registry 2.8 keeps nothing of a PATCH that did not end.
    [ "$(bytes_of '^PATCH 202 ')" -gt 3000000 ]
}

@test "of a blob that is cut only the rest is sent to a registry that kept what it got" {
    push_on_a_bad_day kept "1 PATCH /uploads/ keep 1000000"
    is_published
    is_built_once
    [ "$(bytes_of '^PATCH 0 ')" -eq 1000000 ]
    [ "$(bytes_of '^PATCH 202 ')" -gt 2000000 ]
    [ "$(bytes_of '^PATCH 202 ')" -lt 2100000 ]
}

@test "5xx, each way it is said, for whatever is asked" {
    push_on_a_bad_day busy "2 PATCH /uploads/ status 500" "1 POST /uploads/ status 502" \
        "2 PUT /manifests/ status 503" "1 HEAD /blobs/ status 504" "2 GET /manifests/ status 503"
    is_published
    is_built_once
}

# Milliseconds from the first request of that kind to the next one for the same.
pause_after() {
    awk -v what="$1" '$0 ~ what && !path { path = $5; from = $7; next }
        $5 == path && $1 == "PUT" && !to { to = $7 } END { print to - from }' "$WORLD/proxy/requests"
}

@test "429 is waited for as long as it says" {
    push_on_a_bad_day slow "1 PUT /manifests/sha256: busy 3"
    is_published
    is_built_once
    [ "$(grep -c '^PUT 429 ' "$WORLD/proxy/requests")" = 1 ]
    [ "$(pause_after '^PUT 429 ')" -ge 3000 ]
}

@test "uploads are redirected, or lie elsewhere from the start" {
    push_on_a_bad_day redirected "2 PATCH /uploads/ redirect" "1 PUT /uploads/ redirect"
    is_published
    is_built_once
    push_on_a_bad_day moved "2 POST /uploads/ moved" "1 PATCH /uploads/ moved"
    is_published
    is_built_once
}

@test "Location is relative" {
    push_on_a_bad_day relative "2 POST /uploads/ relative" "1 PATCH /uploads/ relative"
    is_published
    is_built_once
}

@test "answers are cut short" {
    push_on_a_bad_day short "3 GET /manifests/sha256: cut 100" "1 GET /blobs/ cut 10"
    is_published
    is_built_once
}

@test "answers are lost: what was done is not taken for undone" {
    push_on_a_bad_day lost "1 PUT /uploads/ lose" "1 PUT /manifests/ lose" "1 PATCH /uploads/ lose"
    is_published
    is_built_once
}

# Two for each blob: libcurl asks again by itself when a connection that it had kept breaks.
@test "a blob whose upload ended unanswered is found, not sent again" {
    push_on_a_bad_day ended "4 PUT /uploads/ lose"
    is_published
    is_built_once
    [ "$(bytes_of '^PATCH ')" -gt 3000000 ]
    [ "$(bytes_of '^PATCH ')" -lt 3100000 ]
}

@test "bytes that are not what was stored end the push, and the tag does not move" {
    push_on_a_bad_day flipped "1 GET /blobs/sha256: flip"
    [ "$status" -eq 5 ]
    grep -q 'its bytes have digest sha256:' <<<"$output"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" flipped)"
    REGISTRY=$(cat "$WORLD/proxy/address") push flipped
    is_published
}

@test "a manifest whose digest is wrongly doubted is put again: image, arch tag, signature, index, tag" {
    push_on_a_bad_day doubted "1 PUT /manifests/sha256: doubt" "1 PUT /manifests/[0-9a-f]{40}-amd64$ doubt" \
        "1 PUT /manifests/sha256-.*[.]sig$ doubt" "1 PUT /manifests/sha256: doubt" \
        "1 PUT /manifests/[0-9a-f]{40}$ doubt"
    is_published
    is_built_once
}

@test "201, but not yet visible: image, arch tag, signature, index, tag" {
    push_on_a_bad_day hidden "1 PUT /manifests/sha256: hide 2" "1 PUT /manifests/[0-9a-f]{40}-amd64$ hide 2" \
        "1 PUT /manifests/sha256-.*[.]sig$ hide 2" "1 PUT /manifests/sha256: hide 2" \
        "1 PUT /manifests/[0-9a-f]{40}$ hide 2"
    is_published
    is_built_once
}

@test "201 for a tag that is kept nowhere: it is written again" {
    push_on_a_bad_day nowhere "1 PUT /manifests/[0-9a-f]{40}-amd64$ status 201" \
        "1 PUT /manifests/[0-9a-f]{40}$ status 201"
    is_published
    is_built_once
    raw "$(lkcoord show-tag --org "$REGISTRY/demo" nowhere)-amd64"
}

@test "a push that failed at the registry is finished later without a rebuild" {
    # Longer than the agent's client has patience: the attempt to upload fails there, the built image is kept.
    push_on_a_bad_day later "1 POST /uploads/ busy 21"
    grep -q '] uploading: waits, and will try again: .*answered 429' <<<"$output"
    is_published
    is_built_once
}

@test "a push that ended at the registry is pushed again without a rebuild" {
    # The index is refused for good: by then all images are there.
    push_on_a_bad_day refused "1 PUT /manifests/[0-9a-f]{40}$ status 403"
    [ "$status" -eq 5 ]
    grep -q '\[refused/amd64@amd64-1\] built' <<<"$output"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" refused)"
    REGISTRY=$(cat "$WORLD/proxy/address") push refused
    is_published
    run ! grep -F '[refused/amd64@' "$WORLD/log/push.$BATS_TEST_NUMBER.err"
}

# true|false: the registry begins anew, and takes nothing or everything.
read_only() {
    world_kill registry
    sed -i "/readonly/d; s/^storage:/&\n  maintenance: {readonly: {enabled: $1}}/" "$WORLD/registry/config.yml"
    registry_again
}

says_read_only() {
    grep -q 'answered 405.*it is read-only' "$WORLD/log/push.$BATS_TEST_NUMBER.err"
}

@test "while a registry takes nothing a push waits and says so; what is there stays good, and nothing is built twice" {
    push_on_a_bad_day before
    is_published
    before=$published
    read_only true
    lkcoord verify --key "$SIGNING_KEY" "$before"
    push_on_a_bad_day meanwhile &
    local push=$!
    world_wait "the reason" 60 says_read_only
    read_only false
    wait "$push"
    grep '@sha256:' "$WORLD/log/push.$BATS_TEST_NUMBER.out"
    is_built_once
}
