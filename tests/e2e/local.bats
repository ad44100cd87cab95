# Without a coordinator: lkcoord's own private one, on this machine.

load local_helper

daemon_count_is() {
    [ "$(daemons | wc -l)" -eq "$1" ]
}

new_slow_package() {
    new_package "$1" "arches: [$NATIVE]" <<END
FROM base.lkcoord.example/busybox:1
COPY build.yml /$1.yml
RUN sleep 2
END
}

# NAME: pushes in the background, and comes back when it is being built.  Leaves $client and $number.
push_until_building() {
    local log=$WORLD/log/$1
    lkcoord push --org "$REGISTRY/demo" "$1" >"$log.out" 2>"$log.err" 3>&- 4>&- &
    client=$!
    world_wait "the build of $1" 20 grep -q 'building' "$log.err" || { cat "$log.err"; return 1; }
    number=$(sed -n 's/^push \([0-9]*\) .*/\1/p' "$log.err")
}

kill_all() {
    kill -KILL "$client" $(daemons)
    wait "$client" || true
    world_wait "the daemons' end" 5 daemon_count_is 0
}

@test "the first one starts it, a second terminal joins, the last one ends it" {
    new_slow_package slow
    new_small_package quick "arches: [$NATIVE]"
    push_until_building slow
    grep -q 'started the private coordinator in .*, as no other is configured' "$WORLD/log/slow.err"

    push quick
    grep -q 'joined the private coordinator' <<<"$output"
    [ "$(arches_of "$published")" = "$NATIVE" ]
    daemon_count_is 2
    lkcoord agents | grep -E '^local  there  1 of .* \(native\)'

    wait "$client"
    lkcoord status "$number" | grep "^  $NATIVE .* native"
    grep -qE '@sha256:[0-9a-f]{64}$' "$WORLD/log/slow.out"
    daemon_count_is 0
    lkcoord verify --key "$STATE/signing.pub" "$(cat "$WORLD/log/slow.out")"
    [ "$(stat -c %a "$STATE" "$STATE"/{coordinator,agent,log} | sort -u)" = 700 ]
}

@test "killed with its daemons while it builds, the push is finished by the next watch" {
    new_slow_package killed
    push_until_building killed
    kill_all

    output=$(lkcoord watch "$number" 2>&1)
    echo "$output"
    grep -q 'started the private coordinator' <<<"$output"
    grep -q ' done, signed$' <<<"$output"
    daemon_count_is 0
}

@test "killed with its daemons, the push is finished by the next push of the same" {
    new_slow_package killed-too
    push_until_building killed-too
    kill_all

    push killed-too
    [ "$status" -eq 0 ]
    grep -q 'is complete and signed' <<<"$output"
    [ "$(arches_of "$(lkcoord show-tag --org "$REGISTRY/demo" killed-too)")" = "$NATIVE" ]
    [ -z "$(lkcoord status)" ]
    daemon_count_is 0
}

@test "a killed client's daemons are taken over by the next one" {
    new_slow_package orphan
    push_until_building orphan
    kill -KILL "$client"
    wait "$client" || true

    output=$(lkcoord watch "$number" 2>&1)
    grep -q 'joined the private coordinator' <<<"$output"
    grep -q ' done, signed$' <<<"$output"
    [[ $output != *"attempt 2"* ]]
    daemon_count_is 0
}

@test "interrupted, it ends its daemons and says how to come back" {
    new_slow_package interrupted
    push_until_building interrupted
    kill -INT "$client"
    status=0
    wait "$client" || status=$?

    [ "$status" -eq 130 ]
    grep -q "lkcoord watch $number. takes it up again" "$WORLD/log/interrupted.err"
    daemon_count_is 0
    lkcoord cancel "$number"
    daemon_count_is 0
}

@test "foreign architectures are built only with --allow-emulation, and said to be" {
    local here=$NATIVE foreign=s390x
    [ "$here" != s390x ] || foreign=arm64
    new_small_package foreign "arches: [$here, $foreign]"
    lkcoord plan --org "$REGISTRY/demo" foreign >"$WORLD/plan"
    grep "^  $here .*build (native)$" "$WORLD/plan"
    grep "^  $foreign .*--allow-emulation permits it" "$WORLD/plan"
    lkcoord plan --allow-emulation --org "$REGISTRY/demo" foreign | grep "^  $foreign .*build (emulated)$"

    run lkcoord push --org "$REGISTRY/demo" foreign
    [ "$status" -eq 5 ]
    [[ $output == *"builds for $foreign only by emulation"* ]]
    push foreign
    [ "$status" -eq 0 ]
    grep "^  $foreign .* emulated " <<<"$output"
    grep "^  $here .* native " <<<"$output"

    new_small_package alien 'arches: [riscv64]'
    run lkcoord push --allow-emulation --org "$REGISTRY/demo" alien
    [ "$status" -eq 5 ]
    [[ $output == *"can neither build for riscv64 nor emulate it"* ]]
    daemon_count_is 0
}

@test "many that start at once share one" {
    local i pids=()
    for i in 1 2 3 4; do
        lkcoord agents >"$WORLD/log/many.$i" 2>&1 3>&- 4>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [ "$(grep -hc '^local  there' "$WORLD"/log/many.? | sort -u)" = 1 ]
    daemon_count_is 0
}

@test "--local goes past a configured coordinator; a configuration that is named has to be there" {
    export LKCOORD_CONFIG=$CONFIGURED
    [ -z "$(lkcoord agents 2>/dev/null)" ]
    lkcoord agents --local | grep '^local  there'

    export LKCOORD_CONFIG=$WORLD/none.yml
    run lkcoord agents
    [ "$status" -eq 2 ]
    [[ $output == *"there is no $WORLD/none.yml"* ]]
    run lkcoord agents --local --config "$CONFIGURED"
    [ "$status" -eq 2 ]
    daemon_count_is 0
}

@test "all commands that ask a coordinator work without one" {
    new_small_package asked "arches: [$NATIVE]"
    lkcoord plan --org "$REGISTRY/demo" asked | grep "^  $NATIVE .*build"
    lkcoord build --org "$REGISTRY/demo" asked
    number=$(lkcoord status --all | awk '/build only/ { print $1 }' | tail -n 1)
    lkcoord status "$number" | grep "^  $NATIVE .* native"
    lkcoord logs "$number" | grep 'COPY build.yml'
    lkcoord watch "$number"
    run lkcoord push --detach --org "$REGISTRY/demo" asked
    [ "$status" -eq 2 ]
    daemon_count_is 0
}

@test "--output writes a signed layout that skopeo reads, without any registry" {
    local tag digest
    new_small_package first "arches: [amd64, arm64]"
    new_small_package second "arches: [$NATIVE]"
    lkcoord build --allow-emulation --output "oci:$WORLD/layout" first
    lkcoord push --output "oci:$WORLD/layout" second
    output=$(lkcoord push --output "oci:$WORLD/layout" second)
    [[ $output == *"nothing to do" ]]

    tag=$(lkcoord show-tag first)
    tag=${tag##*:}
    skopeo copy --quiet --all "oci:$WORLD/layout:$tag" "dir:$WORLD/copy"
    [ "$(jq -r '.manifests[].platform.architecture' "$WORLD/copy/manifest.json" | paste -sd ,)" = amd64,arm64 ]
    skopeo inspect "oci:$WORLD/layout:$(lkcoord show-tag second | sed 's/.*://')"

    digest=$(sha256sum <"$WORLD/copy/manifest.json" | cut -d ' ' -f 1)
    skopeo inspect --raw "oci:$WORLD/layout:sha256-$digest.sig" >"$WORLD/signature"
    jq -r '.layers[0].annotations["dev.cosignproject.cosign/signature"]' "$WORLD/signature" | base64 -d >"$WORLD/signature.bytes"
    openssl pkeyutl -verify -pubin -inkey "$STATE/signing.pub" -rawin -sigfile "$WORLD/signature.bytes" \
        -in "$WORLD/layout/blobs/sha256/$(jq -r '.layers[0].digest' "$WORLD/signature" | cut -d : -f 2)"
    skopeo inspect --raw "oci:$WORLD/layout:sha256-$digest" >"$WORLD/bundles"
    test -e "$WORLD/layout/blobs/sha256/$(jq -r '.manifests[0].digest' "$WORLD/bundles" | cut -d : -f 2)"

    run lkcoord push --output "$WORLD/layout" second
    [ "$status" -eq 2 ]
    LKCOORD_CONFIG=$CONFIGURED run lkcoord push --output "oci:$WORLD/layout" second
    [ "$status" -eq 2 ]
    [[ $output == *"--staging HOST/ORG, or build on this machine, --local"* ]]
    daemon_count_is 0
}

@test "without a passphrase nothing is signed unless it is said; the key is made once" {
    new_small_package unsigned "arches: [$NATIVE]"
    export XDG_STATE_HOME=$WORLD/state2
    unset COSIGN_PASSWORD
    run setsid lkcoord push --org "$REGISTRY/demo" unsigned </dev/null
    [ "$status" -eq 2 ]
    [[ $output == *COSIGN_PASSWORD*  ]]
    [ ! -e "$XDG_STATE_HOME/lkcoord/signing.key" ]
    push --disable-content-trust unsigned
    [ "$status" -eq 0 ]

    COSIGN_PASSWORD=open-sesame push --force unsigned
    [[ $output == *"made the signing key"* ]]
    COSIGN_PASSWORD=wrong run lkcoord agents
    [ "$status" -ne 0 ]
    [[ $output == *"the private lkcoordd ended right after its start"*signing.key* ]]
}

@test "a state directory that is too long or open to others is refused" {
    XDG_STATE_HOME=$WORLD/$(printf 'x%.0s' {1..100}) run lkcoord agents
    [ "$status" -eq 2 ]
    [[ $output == *"too long a path"* ]]

    mkdir -p "$WORLD/open/lkcoord"
    chmod 755 "$WORLD/open/lkcoord"
    XDG_STATE_HOME=$WORLD/open run lkcoord agents
    [ "$status" -eq 5 ]
    [[ $output == *"chmod 700"* ]]
}

# FUSE is the one of them that needs no other host.
@test "a state directory on a network file system is refused" {
    local place=$WORLD/far
    mkdir -p "$place" "$WORLD/lower" "$WORLD/upper" "$WORLD/working"
    fuse-overlayfs -o "lowerdir=$WORLD/lower,upperdir=$WORLD/upper,workdir=$WORLD/working" "$place" ||
        skip "FUSE cannot be mounted here"
    XDG_STATE_HOME=$place run lkcoord agents
    umount "$place"
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == *"$place/lkcoord is on a network file system (FUSE)"*"set XDG_STATE_HOME"* ]]
    daemon_count_is 0
}

@test "each start has keys of its own" {
    local before
    lkcoord agents
    before=$(cat "$STATE/coordinator.pub" "$STATE/agent.pub" "$STATE/client.pub")
    lkcoord agents
    run ! grep -qxFf <(grep public-key <<<"$before") "$STATE"/{coordinator,agent,client}.pub
}

@test "a place whose name needs quotes is fine" {
    export XDG_STATE_HOME="$WORLD/it's: a #place"
    lkcoord agents | grep '^local  there'
    [ -z "$(ps -eo stat,args | awk '$1 !~ /^Z/' | grep -F "#place" | grep -v grep)" ]
}

# COMMAND: LinuxKit's way to the passphrase, in a home of its own.
passphrase_command_is() {
    mkdir -p "$HOME/.moby/linuxkit"
    printf 'pkg:\n  content-trust-passphrase-command: %s\nother: thing\n' "$1" >"$HOME/.moby/linuxkit/config.yml"
}

@test "LinuxKit's passphrase command opens the signing key; its first line is the passphrase" {
    new_small_package commanded "arches: [$NATIVE]"
    export XDG_STATE_HOME=$WORLD/state3 HOME=$WORLD/home3
    unset COSIGN_PASSWORD
    passphrase_command_is '[printf, "open-sesame\nnot this\n"]'
    push commanded
    [ "$status" -eq 0 ]
    lkcoord verify --key "$XDG_STATE_HOME/lkcoord/signing.pub" "${published%@*}"
    unset LKCOORD_CONFIG
    COSIGN_PASSWORD=open-sesame lkcoord agents
    run ! grep -r open-sesame "$XDG_STATE_HOME"

    for command in "sh -c false" true "echo wrong" /nowhere/program "[]" "{echo: open-sesame}"; do
        passphrase_command_is "$command"
        run setsid lkcoord push --force --org "$REGISTRY/demo" commanded </dev/null
        [ "$status" -ne 0 ]
        [[ $output != *building* && $output != *wrong* ]]
    done
    passphrase_command_is "[sh, -c, exit 3]"
    run setsid lkcoord push --force --org "$REGISTRY/demo" commanded </dev/null
    [[ $output == *"content-trust-passphrase-command of $HOME/.moby/linuxkit/config.yml failed with exit status 3"* ]]

    # The words that would be for a shell are refused, not passed on as they are.
    for command in "echo open-sesame; echo not this" "'echo \$SESAME'" "pass show key | head -n 1"; do
        passphrase_command_is "$command"
        run setsid lkcoord push --force --org "$REGISTRY/demo" commanded </dev/null
        [[ $output == *"config.yml:2: content-trust-passphrase-command: is run without a shell"*"[sh, -c, "* ]]
    done
    passphrase_command_is "echo  open-sesame"
    push --force commanded
    [ "$status" -eq 0 ]
}
