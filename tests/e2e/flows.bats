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

@test "the manual's forms work: options with one dash, and a trailing push" {
    new_small_package manual "arches: [amd64]"
    lkcoord build -org="$REGISTRY/wombat" -disable-content-trust -hash=foo manual
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/wombat/manual/tags/list")" -eq 404 ]
    cd manual
    lkcoord build -org="$REGISTRY/wombat" -disable-content-trust -hash=foo push >"$BATS_TEST_TMPDIR/out"
    grep "^$REGISTRY/wombat/manual:foo@sha256:" "$BATS_TEST_TMPDIR/out"
}

@test "what the registry holds is not built again by build, and --force builds it" {
    new_small_package held "arches: [amd64]"
    push held
    lkcoord build --org "$REGISTRY/demo" held 2>"$BATS_TEST_TMPDIR/log"
    ! grep -F '[held/amd64@' "$BATS_TEST_TMPDIR/log"
    lkcoord build --force --org "$REGISTRY/demo" held 2>"$BATS_TEST_TMPDIR/log"
    grep -F '[held/amd64@amd64-1] building' "$BATS_TEST_TMPDIR/log"
}

@test "--builders is answered with how such a host becomes an agent" {
    new_small_package contexts "arches: [amd64]"
    run -2 lkcoord build --builders linux/arm64=ctx contexts
    [[ $output == *"hosts on which lkagentd runs"* ]]
    run -2 lkcoord push --force --nobuild contexts
    [[ $output == *"exclude each other"* ]]
}

@test "LinuxKit's passphrase command is declined in one line where the coordinator has its own key" {
    new_small_package declined "arches: [amd64]"
    mkdir -p "$HOME/.moby/linuxkit"
    printf 'pkg:\n  content-trust-passphrase-command: "echo secret >&2; false"\n' \
        >"$HOME/.moby/linuxkit/config.yml"
    push declined
    rm "$HOME/.moby/linuxkit/config.yml"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'passphrase-command .*is not used' <<<"$output")" -eq 1 ]
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
    ! grep -F '@amd64-1]' "$BATS_TEST_TMPDIR/log"
    make -n -C pkg forcepush LK_RELEASE=v1 | grep -F -- '--release v1 --force a b'
}
