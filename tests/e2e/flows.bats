# How maintainers and CI use it: LinuxKit's words and flows, several packages at once, plans.

load helper

setup_file() {
    start_world
    start_agents amd64 arm64
    export HOME=$WORLD/home
    mkdir -p "$HOME"
}

plan_json() {
    lkcoord plan --output json --org "$REGISTRY/demo" "$@"
}

@test "a package whose Dockerfile names another of the same push waits for that one" {
    new_small_package lower "arches: [amd64]"
    below=$(lkcoord show-tag --org "$REGISTRY/demo" lower)
    new_package upper "arches: [amd64]" <<<"FROM $below
COPY build.yml /upper.yml"
    push upper lower
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$published")" -eq 2 ]
    plan_json upper lower |
        jq -e --arg below "$below" '[.packages[] | "\(.path) \(.order) \(.after | join(","))"] ==
            ["upper 2 \($below)", "lower 1 "]'
}

@test "a build finds what it needs of the same command in its builder's store, though nothing is published" {
    new_small_package under "arches: [amd64]"
    new_package over "arches: [amd64]" <<<"FROM $(lkcoord show-tag --org "$REGISTRY/demo" under)
COPY build.yml /over.yml"
    lkcoord build --org "$REGISTRY/demo" over under 2>"$BATS_TEST_TMPDIR/log"
    grep -F '[over/amd64@amd64-1] done' "$BATS_TEST_TMPDIR/log"
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/demo/under/tags/list")" -eq 404 ]
}

@test "packages that need one another are refused with their paths, before anything is built" {
    new_package chicken "arches: [amd64]" <<<"FROM $REGISTRY/demo/egg:e"
    new_package egg "arches: [amd64]" <<<"FROM $REGISTRY/demo/chicken:e"
    push --hash e chicken egg
    [ "$status" -eq 2 ]
    [[ $output == *"egg needs chicken to be published first"*"circle"* ]]
}

@test "two packages that would have one name are refused" {
    new_small_package one "arches: [amd64]"
    new_small_package two "arches: [amd64]"
    sed -i 's/image: two/image: one/' two/build.yml
    commit_all
    push --hash same one two
    [ "$status" -eq 2 ]
    [[ $output == *"one and two would both be published as $REGISTRY/demo/one:same"* ]]
    push one ./one
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$published")" -eq 1 ]
}

@test "a plan says what each package is and what would become of each architecture" {
    new_small_package known "arches: [amd64, arm64]" "network: true" "disable-cache: true"
    push --platforms amd64 known
    before=$(curl -s "http://$REGISTRY/v2/demo/known/tags/list")
    plan_json --allow-emulation known >"$BATS_TEST_TMPDIR/plan"
    jq -e --arg tag "$(lkcoord show-tag --org "$REGISTRY/demo" known)" '
        .schema == "lkcoord.plan/v1" and .asked and .exit == 0 and (.packages | length == 1) and
        (.packages[0] | .path == "known" and .reference == $tag and .order == 1 and .network and
            (.cache | not) and .dockerfile == "Dockerfile" and .origin == "build" and
            .labels["org.opencontainers.image.source"] == "https://github.com/linuxkit/linuxkit" and
            .build_args.PKG_IMAGE == "'"$REGISTRY"'/demo/known" and
            [.arches[] | "\(.arch) \(.action)"] == ["amd64 keep", "arm64 build"])
        ' "$BATS_TEST_TMPDIR/plan"
    jq -e 'keys_unsorted == ["schema", "asked", "exit", "packages"] and (.packages[0] | keys_unsorted) == [
            "path", "reference", "order", "after", "origin", "from", "tree", "dockerfile", "network", "cache",
            "unsigned", "labels", "build_args", "extra_sources", "depends", "state", "text", "nothing_to_do",
            "digest", "arches"] and (.packages[0].depends | keys_unsorted) == ["target", "target_dir", "images"] and
        (.packages[0].arches[0] | keys_unsorted) == ["arch", "action", "why", "emulated", "digest"]
        ' "$BATS_TEST_TMPDIR/plan"
    lkcoord push --dry-run --output json --allow-emulation --org "$REGISTRY/demo" known |
        jq -S .packages | cmp - <(jq -S .packages "$BATS_TEST_TMPDIR/plan")
    [ "$(curl -s "http://$REGISTRY/v2/demo/known/tags/list")" = "$before" ]
}

@test "a plan works where nobody can be asked, and says unknown" {
    new_small_package alone "arches: [amd64, s390x]"
    sed 's/^coordinator: .*/coordinator: tcp:\/\/127.0.0.1:1/' "$LKCOORD_CONFIG" >"$BATS_TEST_TMPDIR/nowhere.yml"
    lkcoord plan --config "$BATS_TEST_TMPDIR/nowhere.yml" --output json alone \
        >"$BATS_TEST_TMPDIR/plan" 2>"$BATS_TEST_TMPDIR/why"
    grep 'what would be built is unknown: .*127.0.0.1:1' "$BATS_TEST_TMPDIR/why"
    jq -e '(.asked | not) and .packages[0].tree and
        [.packages[0].arches[] | "\(.arch) \(.action)"] == ["amd64 unknown", "s390x unknown"]' "$BATS_TEST_TMPDIR/plan"
    lkcoord plan --offline alone | grep -x '  s390x    unknown'
}

@test "a plan says of each architecture why, and of what it would publish further too" {
    new_small_package reasons "arches: [amd64, arm64]"
    push --platforms amd64 reasons
    [ "$status" -eq 0 ]
    git tag v1
    plan_json --allow-emulation reasons >"$BATS_TEST_TMPDIR/plan"
    lkcoord push --dry-run --output json --allow-emulation --org "$REGISTRY/demo" reasons >"$BATS_TEST_TMPDIR/dry"
    git tag -d v1
    cmp "$BATS_TEST_TMPDIR/plan" "$BATS_TEST_TMPDIR/dry"
    jq -e '[.packages[] | "\(.state) \(.origin) \([.arches[] | "\(.action): \(.why)"] | join("; "))"] == [
        "to do build keep: it is published and trusted; build: the registry holds none that is trusted",
        "to do index take: it is published under another name, or will be by then; take: it is published under another name, or will be by then"]
        ' "$BATS_TEST_TMPDIR/plan"
    plan_json --force reasons | jq -e '.packages[0].arches[0].why == "--force builds what is published too"'
}

@test "a plan of many packages, each built from all before it, takes no time" {
    local number before
    cd "$BATS_TEST_TMPDIR"
    git init -q -b main .
    for number in {1..60}; do
        mkdir "p$number"
        printf 'image: p%s\norg: r.example/x\n' "$number" >"p$number/build.yml"
        for ((before = number > 31 ? number - 31 : 1; before < number; before++)); do
            echo "COPY --from=r.example/x/p$before:h / /"
        done >"p$number/Dockerfile"
    done
    commit_all
    timeout 20 lkcoord plan --offline --output json --hash h p{1..60} |
        jq -e '[.packages[].order] == [range(1; 61)]'
}

@test "a plan does not wait for a registry that cannot be asked, and says unknown" {
    new_small_package unreached "arches: [amd64]"
    run -0 timeout 40 lkcoord plan --org 127.0.0.1:1/demo unreached
    echo "$output"
    [[ $output == "127.0.0.1:1/demo/unreached:"*": what the registry holds is unknown: "*$'\n  amd64    unknown' ]]
    run -0 timeout 40 lkcoord push --dry-run --output json --org 127.0.0.1:1/demo unreached
    jq -e '.asked and .exit == 0 and .packages[0].arches[0].action == "unknown"' <<<"$output"
}

@test "the manual's forms work: options with one dash, and a trailing push" {
    new_small_package manual "arches: [amd64]"
    lkcoord build -org="$REGISTRY/wombat" -disable-content-trust -hash=foo manual
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/wombat/manual/tags/list")" -eq 404 ]
    cd manual
    lkcoord build -org="$REGISTRY/wombat" -disable-content-trust -hash=foo push >"$BATS_TEST_TMPDIR/out"
    grep "^$REGISTRY/wombat/manual:foo@sha256:" "$BATS_TEST_TMPDIR/out"
}

@test "build --push is a push with all that belongs to one, and without it nothing is released" {
    new_small_package newer "arches: [amd64]"
    run -2 lkcoord build --org "$REGISTRY/demo" --release v1 newer
    [[ $output == *"build publishes nothing: say --push too"* ]]
    lkcoord build --push -release=v1 --manifest=false --org "$REGISTRY/demo" newer |
        grep "^$REGISTRY/demo/newer:v1@sha256:"
    run ! raw "$REGISTRY/demo/newer:v1-amd64"
    lkcoord build -release v2 --org "$REGISTRY/demo" newer push | grep "^$REGISTRY/demo/newer:v2@sha256:"
}

@test "what the registry holds is not built again by build, and --force builds it" {
    new_small_package held "arches: [amd64]"
    push held
    lkcoord build --org "$REGISTRY/demo" held 2>"$BATS_TEST_TMPDIR/log"
    run ! grep -F '[held/amd64@' "$BATS_TEST_TMPDIR/log"
    lkcoord build --force --org "$REGISTRY/demo" held 2>"$BATS_TEST_TMPDIR/log"
    grep -F '[held/amd64@amd64-1] building' "$BATS_TEST_TMPDIR/log"
}

@test "--builders is answered with how such a host becomes an agent" {
    new_small_package contexts "arches: [amd64]"
    run -2 lkcoord build --builders linux/arm64=ctx contexts
    [[ $output == *"hosts on which lkagentd runs"* ]]
    run -2 lkcoord build --nobuild contexts
    [[ $output == *"say --push too"* ]]
    run -2 lkcoord push --force --nobuild contexts
    [[ $output == *"exclude each other"* ]]
}

@test "a passphrase, or a command for one, is declined in a line where the coordinator has its own key" {
    new_small_package declined "arches: [amd64]"
    mkdir -p "$HOME/.moby/linuxkit"
    printf 'pkg:\n  content-trust-passphrase-command: "echo secret >&2; false"\n' \
        >"$HOME/.moby/linuxkit/config.yml"
    export COSIGN_PASSWORD=it DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=it
    push declined
    rm "$HOME/.moby/linuxkit/config.yml"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'passphrase-command .*is not used' <<<"$output")" -eq 1 ]
    [ "$(grep -c 'COSIGN_PASSWORD is not used: the coordinator signs' <<<"$output")" -eq 1 ]
    [ "$(grep -c 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE is not used' <<<"$output")" -eq 1 ]
    unset COSIGN_PASSWORD DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE
    push --force declined
    run ! grep 'is not used' <<<"$output"
}

@test "with pkg.mk, make ci builds what a change needs, and make push publishes it" {
    mkdir -p "$BATS_TEST_TMPDIR/repository/pkg"
    cd "$BATS_TEST_TMPDIR/repository"
    git init -q -b main .
    echo "include $ROOT/deploy/pkg.mk" >pkg/Makefile
    for name in a b; do
        mkdir "pkg/$name"
        printf 'image: %s\narches: [amd64]\n' "$name" >"pkg/$name/build.yml"
        printf 'FROM base.lkcoord.example/busybox:1\nCOPY build.yml /\n' >"pkg/$name/Dockerfile"
    done
    commit_all
    make -C pkg ci OPTIONS="--org $REGISTRY/made" 2>"$BATS_TEST_TMPDIR/log"
    grep -F '[a/amd64@amd64-1] building' "$BATS_TEST_TMPDIR/log"
    [ "$(make -s -C pkg show-tag OPTIONS="--org $REGISTRY/made" | wc -l)" -eq 2 ]
    make -s -C pkg push OPTIONS="--org $REGISTRY/made" | grep -c '@sha256:' | grep -x 2
    make -C pkg ci-pr OPTIONS="--org $REGISTRY/made" 2>"$BATS_TEST_TMPDIR/log"
    run ! grep -F '@amd64-1]' "$BATS_TEST_TMPDIR/log"
    make -n -C pkg forcepush LK_RELEASE=v1 | grep -F -- '--release v1 --force a b'
}

index_digest() {
    raw "$1" | sha256sum | cut -d ' ' -f 1
}

# Makes TAG's index name amd64 only, as a push from one machine would leave it.
break_index() {
    raw "$1" | jq -c '.manifests |= map(select(.platform.architecture == "amd64"))' >"$BATS_TEST_TMPDIR/index"
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
        --data-binary "@$BATS_TEST_TMPDIR/index" \
        "http://$REGISTRY/v2/$(sed "s|^$REGISTRY/||; s|:\([^:]*\)$|/manifests/\1|" <<<"$1")"
}

@test "a release is published with the push, and is the same index under a further tag" {
    new_small_package freed "arches: [amd64, arm64]"
    push --release v1 freed
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$published")" -eq 2 ]
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" freed)
    [ "$(index_digest "$tag")" = "$(index_digest "$REGISTRY/demo/freed:v1")" ]
    raw "$REGISTRY/demo/freed:v1-arm64"
    lkcoord verify --key "$WORLD/keys/signing.pub" "$REGISTRY/demo/freed:v1"
    push --release v1 --nobuild freed
    [ "$(grep -c 'nothing to do' <<<"$output")" -eq 2 ]
}

@test "a push has as many releases as are said; its own tag is none" {
    new_small_package several "arches: [amd64]" "tag: v1"
    push --release v1 --release one --release two --release one --release= several
    [ "$status" -eq 0 ]
    [ "$(cut -d @ -f 1 <<<"$published" | cut -d : -f 3 | paste -sd ' ')" = "v1 one two" ]
    [ "$(index_digest "$REGISTRY/demo/several:v1")" = "$(index_digest "$REGISTRY/demo/several:two")" ]
    run -2 lkcoord push --release a/b --org "$REGISTRY/demo" several
    [[ $output == *"--release a/b: a tag has at most 128 letters"* ]]
}

@test "without --release the git tags at HEAD are releases, and one that is no image tag is said" {
    new_small_package tagged "arches: [amd64]"
    git tag v2
    git -c user.name=me -c user.email=me@localhost tag -m three pkg-v3
    git tag other/v4
    push tagged
    git tag -d v2 pkg-v3 other/v4
    [ "$status" -eq 0 ]
    raw "$REGISTRY/demo/tagged:v2" | cmp - <(raw "$REGISTRY/demo/tagged:pkg-v3")
    [[ $output == *"is not released as 'other/v4'"* ]]
}

@test "a release that lacks an architecture gains it" {
    new_small_package grown "arches: [amd64, arm64]"
    push --platforms amd64 --release v1 grown
    [ "$(arches_of "$REGISTRY/demo/grown:v1")" = amd64 ]
    push --release v1 grown
    [ "$status" -eq 0 ]
    [ "$(arches_of "$REGISTRY/demo/grown:v1")" = "amd64 arm64" ]
}

@test "a release does not mix the images of two versions" {
    new_small_package unmixed "arches: [amd64, arm64]"
    push --platforms arm64 --release v1 unmixed
    echo "# changed" >>unmixed/Dockerfile
    commit_all
    push --platforms amd64 --release v1 unmixed
    [ "$status" -eq 5 ]
    [[ $output == *"two versions would be mixed"* ]]
    [ "$(arches_of "$REGISTRY/demo/unmixed:v1")" = arm64 ]
    push --platforms amd64 --release v1 --force unmixed
    [ "$status" -eq 0 ]
    [ "$(arches_of "$REGISTRY/demo/unmixed:v1")" = amd64 ]
}

@test "a release that names something else is refused, and --force replaces it" {
    new_small_package moved "arches: [amd64]"
    push --release v1 moved
    before=$(index_digest "$REGISTRY/demo/moved:v1")
    echo "# changed" >>moved/Dockerfile
    commit_all
    push --release v1 moved
    [ "$status" -eq 5 ]
    [ "$(index_digest "$REGISTRY/demo/moved:v1")" = "$before" ]
    push --release v1 --force moved
    [ "$status" -eq 0 ]
    [ "$(index_digest "$REGISTRY/demo/moved:v1")" != "$before" ]
}

@test "--nobuild publishes what is there and refuses what is missing, naming it" {
    new_small_package unbuilt "arches: [amd64, arm64]"
    push --nobuild unbuilt
    [ "$status" -eq 5 ]
    [[ $output == *amd64*"--nobuild"* || $output == *"--nobuild"*amd64* ]]
    push --platforms amd64 unbuilt
    push --nobuild unbuilt
    [ "$status" -eq 5 ]
    [[ $output == *arm64* ]]
    push --nobuild --platforms amd64 unbuilt
    [ "$status" -eq 0 ]
}

@test "manifest repairs an index that lost an architecture" {
    new_small_package broken "arches: [amd64, arm64]"
    push broken
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" broken)
    before=$(index_digest "$tag")
    break_index "$tag"
    run lkcoord verify --key "$WORLD/keys/signing.pub" "$tag"
    lkcoord manifest --org "$REGISTRY/demo" broken
    [ "$(index_digest "$tag")" = "$before" ]
    lkcoord verify --key "$WORLD/keys/signing.pub" "$tag"
    lkcoord index --org "$REGISTRY/demo" broken 2>&1 | grep 'nothing to do'
}

@test "an index is repaired although its package can no longer be built" {
    new_small_package gone
    new_small_package lasting "arches: [amd64, arm64]" "buildArgs: ['A=@lkt:pkg:../gone']"
    push lasting
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" lasting)
    break_index "$tag"
    git rm -qr gone
    commit_all
    run -2 lkcoord plan --offline lasting
    [[ $output == "lkcoord: lasting: buildArgs: A=@lkt:pkg:../gone: "*"/gone: there is no build.yml in it"* ]]
    lkcoord manifest --org "$REGISTRY/demo" lasting
    [ "$(arches_of "$tag")" = "amd64 arm64" ]
}

@test "manifest of what was never pushed publishes nothing, and says what is missing" {
    new_small_package absent "arches: [amd64, arm64]"
    run -5 lkcoord manifest --org "$REGISTRY/demo" absent
    [[ $output == *amd64* ]]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/demo/absent/tags/list")" -eq 404 ]
}

@test "remote-tag gives what one name has another name, in the same repository or elsewhere" {
    new_small_package copied "arches: [amd64, arm64]"
    push copied
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" copied)
    lkcoord remote-tag "$tag" "$REGISTRY/demo/copied:stable"
    [ "$(index_digest "$tag")" = "$(index_digest "$REGISTRY/demo/copied:stable")" ]
    lkcoord remote-tag "$tag" "$REGISTRY/elsewhere/copied:1"
    [ "$(arches_of "$REGISTRY/elsewhere/copied:1")" = "amd64 arm64" ]
    lkcoord verify --key "$WORLD/keys/signing.pub" "$REGISTRY/elsewhere/copied:1"
    skopeo copy --quiet --all --src-tls-verify=false "docker://$REGISTRY/elsewhere/copied:1" \
        "oci:$BATS_TEST_TMPDIR/copy:1"
    run -5 lkcoord remote-tag "$REGISTRY/demo/copied:none" "$REGISTRY/demo/copied:other"
    run -2 lkcoord remote-tag "$tag" "$REGISTRY/demo/copied"
}

@test "remote-tag mixes nothing: what the other name has besides is a refusal, or goes with --force" {
    new_small_package wide "arches: [amd64, arm64]"
    new_small_package narrow "arches: [amd64]"
    push wide narrow
    [ "$status" -eq 0 ]
    wide=$(lkcoord show-tag --org "$REGISTRY/demo" wide) narrow=$(lkcoord show-tag --org "$REGISTRY/demo" narrow)
    lkcoord remote-tag "$wide" "$REGISTRY/demo/mixed:v1"
    before=$(index_digest "$REGISTRY/demo/mixed:v1")
    run -5 lkcoord remote-tag --replace amd64 "$narrow" "$REGISTRY/demo/mixed:v1"
    [[ $output == *"holds an image for arm64 already, and $narrow has none"* ]]
    [ "$(index_digest "$REGISTRY/demo/mixed:v1")" = "$before" ]
    lkcoord remote-tag --force "$narrow" "$REGISTRY/demo/mixed:v1"
    raw "$REGISTRY/demo/mixed:v1" | cmp - <(raw "$narrow")
}

@test "--manifest=false writes the index's tag and none for an architecture" {
    new_small_package bare "arches: [amd64]"
    push --manifest=false bare
    [ "$status" -eq 0 ]
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" bare)
    raw "$tag"
    run ! raw "$tag-amd64"
}

@test "disable-content-trust in build.yml leaves a package unsigned, and the result says so" {
    new_small_package plain "arches: [amd64]" "disable-content-trust: true"
    push plain
    [ "$status" -eq 0 ]
    [[ $output == *"unsigned, as build.yml asks"* ]]
    push plain
    [[ $output == *" is complete, unsigned, as build.yml asks: nothing to do"* ]]
    run -6 lkcoord verify --key "$WORLD/keys/signing.pub" "$(lkcoord show-tag --org "$REGISTRY/demo" plain)"
}

coordinator_again() {
    world_kill coordinator
    world_coordinator
    world_wait_agents 2
}

@test "a coordinator that requires content trust refuses what is not to be signed, and plans none of it" {
    new_small_package willing "arches: [amd64]"
    new_small_package unwilling "arches: [amd64]" "disable-content-trust: true"
    echo 'content-trust: required' >>"$WORLD/lkcoordd.yml"
    coordinator_again
    for word in "push unwilling" "push willing unwilling" "plan unwilling" "manifest unwilling" \
        "push --disable-content-trust willing" "plan --disable-content-trust willing"; do
        run -5 lkcoord $word --org "$REGISTRY/demo"
        echo "$word: $output"
        [[ $output == *"(content-trust: required)"* ]]
    done
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/demo/willing/tags/list")" -eq 404 ]
    lkcoord build --org "$REGISTRY/demo" unwilling
    push willing
    [ "$status" -eq 0 ]
    sed -i '$d' "$WORLD/lkcoordd.yml"
    coordinator_again
}

@test "agents elsewhere hand over an OCI layout by way of a staging registry, and only so" {
    new_small_package handed "arches: [amd64, arm64]"
    run -2 lkcoord build --allow-emulation --output "oci:$BATS_TEST_TMPDIR/out" handed
    [[ $output == *"--staging HOST/ORG"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/out" ]
    lkcoord build --allow-emulation --output "oci:$BATS_TEST_TMPDIR/out" --staging "$REGISTRY/staging" handed
    tag=$(git rev-parse HEAD:handed)
    skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/out:$tag" | cmp - <(raw "$REGISTRY/staging/handed:$tag")
    lkcoord build --allow-emulation --output "oci-archive:$BATS_TEST_TMPDIR/out.tar" --staging "$REGISTRY/staging" handed
    mkdir "$BATS_TEST_TMPDIR/unpacked"
    tar -C "$BATS_TEST_TMPDIR/unpacked" -xf "$BATS_TEST_TMPDIR/out.tar"
    skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/unpacked:$tag" | cmp - <(raw "$REGISTRY/staging/handed:$tag")
    skopeo copy --quiet --all "oci:$BATS_TEST_TMPDIR/unpacked:$tag" "oci:$BATS_TEST_TMPDIR/again:x"
    [ "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'out.tar*' | wc -l)" -eq 1 ]
}

@test "a layout is not promised to whoever leaves, nor has it git's tags" {
    new_small_package staged "arches: [amd64]"
    run -2 lkcoord build --detach --output "oci:$BATS_TEST_TMPDIR/layout" --staging "$REGISTRY/stage" staged
    [[ $output == *"--detach leaves before there is anything to write to --output"* ]]
    git tag v7
    lkcoord build --output "oci:$BATS_TEST_TMPDIR/layout" --staging "$REGISTRY/stage" staged
    git tag -d v7
    # A blob that somebody cut is made whole.
    largest=$(ls -S "$BATS_TEST_TMPDIR/layout/blobs/sha256" | head -n 1)
    truncate -s 9 "$BATS_TEST_TMPDIR/layout/blobs/sha256/$largest"
    lkcoord build --output "oci:$BATS_TEST_TMPDIR/layout" --staging "$REGISTRY/stage" staged
    sha256sum --check <<<"$largest  $BATS_TEST_TMPDIR/layout/blobs/sha256/$largest"
    jq -e '[.manifests[].annotations["org.opencontainers.image.ref.name"] | select(startswith("sha256-") | not)] | length == 1
        ' "$BATS_TEST_TMPDIR/layout/index.json"
}

@test "default-arches of the configuration are those of packages that name none" {
    new_small_package usual
    sed '$adefault-arches: [amd64]' "$LKCOORD_CONFIG" >"$BATS_TEST_TMPDIR/config.yml"
    lkcoord push --config "$BATS_TEST_TMPDIR/config.yml" --org "$REGISTRY/demo" usual
    [ "$(arches_of "$(lkcoord show-tag --org "$REGISTRY/demo" usual)")" = amd64 ]
    [ "$(lkcoord plan --offline --output json usual | jq -r '[.packages[].arches[].arch] | join(" ")')" = "amd64 arm64 s390x" ]
}

@test "a dirty package is built under a dirty tag, and its push is refused before anything is built" {
    new_small_package changed "arches: [amd64]"
    echo "# more" >>changed/Dockerfile
    echo "new" >changed/untracked
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" changed)
    [[ $tag =~ :[0-9a-f]{40}-dirty-[0-9a-f]{7}$ ]]
    push changed
    [ "$status" -eq 5 ]
    [[ $output == *"uncommitted changes in changed"* && $output != *building* ]]
    lkcoord build --org "$REGISTRY/demo" changed 2>"$BATS_TEST_TMPDIR/log"
    grep -F '[changed/amd64@amd64-1] done' "$BATS_TEST_TMPDIR/log"
    rm changed/untracked
    git checkout -q changed
    run -5 lkcoord push --force-dirty --org "$REGISTRY/demo" changed
    [[ $output == *"with --force-dirty it can be built, not pushed"* ]]
}

@test "build arguments come from build.yml and from files, which win" {
    new_package argued "arches: [amd64]" "buildArgs: [\"ONE=yml\", \"TWO=yml\"]" <<'ENDX'
FROM base.lkcoord.example/busybox:1
ARG ONE
ARG TWO
ARG PKG_IMAGE
RUN echo "$ONE $TWO $PKG_IMAGE" > /arguments
ENDX
    echo "TWO=file" >"$BATS_TEST_TMPDIR/arguments"
    lkcoord plan --offline --output json --build-arg-file "$BATS_TEST_TMPDIR/arguments" argued |
        jq -e '.packages[0].build_args | .ONE == "yml" and .TWO == "file"'
    push --build-arg-file "$BATS_TEST_TMPDIR/arguments" argued
    [ "$status" -eq 0 ]
    skopeo copy --quiet --src-tls-verify=false "docker://${published%@*}" "oci:$BATS_TEST_TMPDIR/image:x"
    for blob in "$BATS_TEST_TMPDIR"/image/blobs/sha256/*; do
        tar -xzOf "$blob" arguments 2>/dev/null || true
    done | grep -x "yml file $REGISTRY/demo/argued"
}
