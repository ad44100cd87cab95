# The main job: three architectures, one signed index.

load helper

setup_file() {
    start_world
    start_agents amd64 arm64 s390x
}

# What the push's builds have said.
build_log() {
    lkcoord logs "$(sed -n 's/^push \([0-9]*\) .*/\1/p' <<<"$output")"
}

@test "three architectures become one index under the tree's hash, and push ends with reference@digest" {
    new_package hello <<'END'
FROM base.lkcoord.example/busybox:1
RUN uname -m > /built-on
END
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" hello)
    [ "$tag" = "$REGISTRY/demo/hello:$(git rev-parse HEAD:hello)" ]
    push hello
    [ "$status" -eq 0 ]
    [ "${published%@*}" = "$tag" ]
    [ "$(tail -n 1 <<<"$output")" = "$published" ]
    [ "$(arches_of "$published")" = "amd64 arm64 s390x" ]
    raw "$tag" | sha256sum | grep -q "^${published#*@sha256:} "
}

@test "plain curl reads the index by its tag" {
    new_small_package curled
    push curled
    curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json' \
        "http://$REGISTRY/v2/demo/curled/manifests/$(tag_of "$published")" |
        jq -e '.schemaVersion == 2 and (.manifests | length) == 3'
}

@test "each architecture has its tag, and the tag names the index's child" {
    new_small_package tagged
    push tagged
    for arch in amd64 arm64 s390x; do
        child=$(raw "$published" | jq -r ".manifests[] | select(.platform.architecture == \"$arch\").digest")
        raw "${published%@*}-$arch" | sha256sum | grep -q "^${child#sha256:} "
    done
}

@test "what is there, complete and signed, is nothing to do" {
    unset COSIGN_PASSWORD # or a line says that it is not used
    new_small_package again
    push again
    first=$published
    push again
    [ "$status" -eq 0 ]
    [[ $output == "$first"*"nothing to do" ]]
    [ "$(wc -l <<<"$output")" -eq 1 ]
}

@test "manifests and arch tags of two architectures do not interleave" {
    new_small_package turns
    push turns
    requests_are_in_turn manifests 3 "$published"
}

@test "openssl accepts the signatures on the index and on each child" {
    new_small_package signed
    push signed
    repository=$(repository_of "$published")
    for digest in ${published#*@} $(raw "$published" | jq -r '.manifests[].digest'); do
        raw "$repository:${digest/:/-}.sig" >"$BATS_TEST_TMPDIR/manifest"
        jq -r '.layers[0].annotations["dev.cosignproject.cosign/signature"]' \
            "$BATS_TEST_TMPDIR/manifest" | base64 -d >"$BATS_TEST_TMPDIR/signature"
        curl -sf -o "$BATS_TEST_TMPDIR/payload" \
            "http://$REGISTRY/v2/demo/signed/blobs/$(jq -r '.layers[0].digest' "$BATS_TEST_TMPDIR/manifest")"
        [ "$(jq -r '.critical.image."docker-manifest-digest"' "$BATS_TEST_TMPDIR/payload")" = "$digest" ]
        openssl pkeyutl -verify -pubin -inkey "$SIGNING_KEY" -rawin -in "$BATS_TEST_TMPDIR/payload" \
            -sigfile "$BATS_TEST_TMPDIR/signature"
    done
}

@test "verify accepts our key and refuses another one with exit 6" {
    new_small_package verified
    push verified
    lkcoord verify --key "$SIGNING_KEY" "$published"
    lkcoord keys new --directory "$BATS_TEST_TMPDIR" --signing other
    run -6 lkcoord verify --key "$BATS_TEST_TMPDIR/other.pub" "$published"
}

@test "a build that fails shows its log, leaves no tag and exits 1" {
    new_package broken <<'END'
FROM base.lkcoord.example/busybox:1
RUN echo a word from the build && false
END
    push broken
    [ "$status" -eq 1 ]
    grep -q 'a word from the build' <<<"$output"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" broken)"
}

@test "without --allow-emulation nothing is emulated, and the push says why it waits" {
    new_package native "arches: [s390x]" <<'END'
FROM base.lkcoord.example/busybox:1
END
    timeout 5 lkcoord push --org "$REGISTRY/demo" native >"$BATS_TEST_TMPDIR/said" 2>&1 || true
    cat "$BATS_TEST_TMPDIR/said"
    grep -q -e --allow-emulation "$BATS_TEST_TMPDIR/said"
    run ! grep -q building "$BATS_TEST_TMPDIR/said"
    lkcoord cancel "$(sed -n 's/^push \([0-9]*\) .*/\1/p' "$BATS_TEST_TMPDIR/said")"
}

# NAME [LINE...]: a package whose step says whether it reaches the host's registry.
new_calling_package() {
    new_package "$@" <<END
FROM base.lkcoord.example/busybox:1
RUN if nc -w 2 ${REGISTRY/:/ } </dev/null; then echo $1 reached the host; else echo $1 reached nobody; fi
END
}

@test "a RUN step without network reaches no host loopback, which one with network does" {
    new_calling_package lonely
    push --platforms linux/amd64 lonely
    [ "$status" -eq 0 ]
    build_log | grep 'lonely reached nobody$'
    new_calling_package open "network: true"
    push --platforms linux/amd64 open
    [ "$status" -eq 0 ]
    build_log | grep 'open reached the host$'
}

@test "a RUN step sees its own processes, and none of the host" {
    new_package blind <<'END'
FROM base.lkcoord.example/busybox:1
RUN : my-own-process; cat /proc/[0-9]*/cmdline | tr '\0' ' ' > /seen; echo seen: $(cat /seen)
END
    # A process of the host, with a name that is nowhere else.
    world_spawn witness bash -c 'exec -a host-process-1f6e7c sleep 300'
    world_wait "the witness" 5 grep -q host-process-1f6e7c "/proc/$(cat "$WORLD/pids/witness")/cmdline"
    push --platforms linux/amd64 blind
    world_kill witness
    [ "$status" -eq 0 ]
    build_log >"$BATS_TEST_TMPDIR/log"
    cat "$BATS_TEST_TMPDIR/log"
    grep -q 'seen: .*my-own-process' "$BATS_TEST_TMPDIR/log"
    run ! grep -qE 'host-process-1f6e7c|docker-registry' "$BATS_TEST_TMPDIR/log"
}

@test "a stranger's child under the predictable tag is neither kept nor signed nor nothing to do" {
    new_small_package planted
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" planted)
    skopeo copy --quiet --all --src-tls-verify=false --dest-tls-verify=false \
        "docker://$REGISTRY/base/busybox:1" "docker://$tag"
    planted=$(raw "$tag" | sha256sum)
    push planted
    [ "$status" -eq 5 ]
    grep -qE -e '--(adopt|replace)' <<<"$output"
    [ "$(raw "$tag" | sha256sum)" = "$planted" ]
    run ! raw "$REGISTRY/demo/planted:sha256-${planted%% *}.sig"
}
