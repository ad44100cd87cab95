# Who is not let in, and what survives whose death.

load helper

setup_file() {
    start_world "lease-ms: 3000" "suspect-ms: 1000" "ping-ms: 300"
    start_agents amd64
}

# The name is in the step, or the builder would take it from its cache.
slow_package() {
    new_package "$1" "arches: [amd64]" <<END
FROM base.lkcoord.example/busybox:1
RUN : $1; echo begun && sleep ${2:-4}
END
}

# The number of a detached push of one package.
push_detached() {
    lkcoord push --detach --allow-emulation --org "$REGISTRY/demo" "$@" 2>/dev/null
}

is_building() {
    lkcoord status --output json "$1" |
        jq -e '[.. | objects | select(has("arch") and .state == "building")] | length > 0'
}

@test "a client whose key is not listed is refused, and told so" {
    lkcoord keys new --directory "$BATS_TEST_TMPDIR" stranger
    sed "s|^key:.*|key: $BATS_TEST_TMPDIR/stranger.key|" "$LKCOORD_CONFIG" \
        >"$BATS_TEST_TMPDIR/config.yml"
    run timeout 20 lkcoord agents --config "$BATS_TEST_TMPDIR/config.yml"
    [ "$status" -eq 5 ]
    [[ $output == *"does not know our key; have its administrator add this public key to the clients in"* ]]
    # The coordinator is there for those whom it knows.
    lkcoord agents
}

@test "a client's key does not open the agents' door" {
    sed "s|^coordinator:.*|coordinator: $COORDINATOR_AGENTS|" "$LKCOORD_CONFIG" \
        >"$BATS_TEST_TMPDIR/config.yml"
    run -5 timeout 20 lkcoord agents --config "$BATS_TEST_TMPDIR/config.yml"
    [[ $output == *"the coordinator at $COORDINATOR_AGENTS does not know our key"* ]]
}

@test "a wrong passphrase stops the coordinator's start" {
    sed "s|^state:.*|state: $BATS_TEST_TMPDIR/state|" "$WORLD/lkcoordd.yml" \
        >"$BATS_TEST_TMPDIR/lkcoordd.yml"
    mkdir "$BATS_TEST_TMPDIR/state"
    COSIGN_PASSWORD=wrong run timeout 20 lkcoordd --config "$BATS_TEST_TMPDIR/lkcoordd.yml"
    [ "$status" -eq 1 ]
    [[ $output == *"opening the signing key $WORLD/keys/signing.key: the passphrase does not open"* ]]
}

@test "a detached push goes on without its client" {
    slow_package detached 1
    id=$(push_detached detached)
    run -0 lkcoord watch "$id"
    raw "$(lkcoord show-tag --org "$REGISTRY/demo" detached)" | jq -e '.manifests | length == 1'
}

@test "a cancelled push ends with 130 and leaves no tag" {
    slow_package cancelled 30
    id=$(push_detached cancelled)
    world_wait "the build" 20 is_building "$id"
    lkcoord cancel "$id"
    run -130 lkcoord watch "$id"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" cancelled)"
}

# Of all attempts that were ever made in a push, the highest number for an architecture.
attempt_of() {
    lkcoord status --output json "$1" |
        jq -r --arg arch "$2" '[.. | objects | select(.arch? == $arch)][0].attempt'
}

is_done() {
    lkcoord status --output json "$1" |
        jq -e --arg arch "$2" '[.. | objects | select(.arch? == $arch and .state == "done")] | length > 0'
}

@test "a push is retried from anywhere, and only what is missing of it is built" {
    new_package retried "arches: [amd64, s390x]" <<END
FROM base.lkcoord.example/busybox:1
RUN : retried; echo begun
END
    id=$(push_detached retried)
    world_wait "the first leg" 30 is_done "$id" amd64
    run -5 lkcoord retry "$id"
    [[ $output == *"retrying push $id: the push has not ended"* ]]
    lkcoord cancel "$id"
    run -130 lkcoord watch "$id"

    world_kill coordinator KILL
    world_coordinator
    world_agent spare-1 s390x
    cd /
    run -0 lkcoord retry "$id"
    raw "$(cd "$OLDPWD" && lkcoord show-tag --org "$REGISTRY/demo" retried)" | jq -e '.manifests | length == 2'
    [ "$(attempt_of "$id" amd64)" -eq 1 ]
    [ "$(attempt_of "$id" s390x)" -eq 1 ]
    run -0 lkcoord watch "$id"
    run -5 lkcoord retry "$id"
    [[ $output == *"the push ended well: nothing of it is left to be done"* ]]
    run -5 lkcoord retry 4711
    [[ $output == *"there never was a push 4711"* ]]
    world_kill spare-1
}

@test "a push whose source was removed is not retried, and says how to go on" {
    slow_package sourceless 30
    id=$(push_detached sourceless)
    world_wait "the build" 20 is_building "$id"
    lkcoord cancel "$id"
    run -130 lkcoord watch "$id"
    find "$WORLD/coordinator/sources" -type f -delete
    run -5 lkcoord retry "$id"
    [[ $output == *"the source of "*"sourceless is not here any more (sources-max-mib): push it again"* ]]
}

@test "a coordinator that was killed finishes the push after its restart, with the same build" {
    slow_package restarted
    id=$(push_detached restarted)
    world_wait "the build" 20 is_building "$id"
    world_kill coordinator KILL
    sleep 1
    world_coordinator
    run -0 lkcoord watch "$id"
    raw "$(lkcoord show-tag --org "$REGISTRY/demo" restarted)" | jq -e '.manifests | length == 1'
    lkcoord logs "$id" >"$BATS_TEST_TMPDIR/log"
    cat "$BATS_TEST_TMPDIR/log"
    [ "$(grep -c ' begun$' "$BATS_TEST_TMPDIR/log")" -eq 1 ]
}

@test "when an agent dies, another one builds after the lease" {
    slow_package orphaned
    id=$(push_detached orphaned)
    world_wait "the build" 20 is_building "$id"
    world_kill amd64-1 KILL
    world_agent spare-1 amd64
    run -0 lkcoord watch "$id"
    lkcoord status "$id" | grep -q spare-1
    world_kill spare-1
    world_agent_again amd64-1
    world_wait_agents 1
}

@test "an image whose config says another architecture is refused" {
    # A builder that builds for another machine than it was told to.
    cat >"$WORLD/lying-builder" <<'END'
#!/bin/bash
for argument; do
    shift
    case $argument in
    amd64 | linux/amd64 | --arch=amd64 | --platform=linux/amd64) argument=${argument/amd64/s390x} ;;
    esac
    set -- "$@" "$argument"
done
exec buildah "$@"
END
    chmod 755 "$WORLD/lying-builder"
    world_kill amd64-1
    world_agent spare-1 amd64 "builder-command: $WORLD/lying-builder"
    world_wait_agents 1
    new_small_package liar "arches: [amd64]"
    push liar
    [ "$status" -ne 0 ]
    grep -q s390x <<<"$output"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" liar)"
    world_kill spare-1
    world_agent_again amd64-1
    world_wait_agents 1
}
