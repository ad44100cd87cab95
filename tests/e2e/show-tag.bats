# What `lkcoord show-tag` prints, and when it prints nothing: linuxkit's own commands, typed as its manual does.

load helper

setup_file() {
    use_world
    mkdir -p "$WORLD"
    git init -q -b main "$WORLD/source"
    cd "$WORLD/source"
    new_package first <<<'FROM scratch'
    new_package second 'org: ghcr.io/x' 'tag: rel-{{.Hash}}' <<<'FROM scratch'
}

setup() {
    unset LKCOORD_CONFIG LINUXKIT_PKG_ORG
    cd "$WORLD/source"
    git reset -q --hard
    git clean -fdq
}

teardown_file() {
    rm -rf "$WORLD"
}

tree() {
    git rev-parse "${2-HEAD}:$1"
}

@test "one line a path, in order, twice if asked twice" {
    run -0 --separate-stderr lkcoord show-tag second first ./first/ "$PWD/second"
    [ "${lines[0]}" = "ghcr.io/x/second:rel-$(tree second)" ]
    [ "${lines[1]}" = "linuxkit/first:$(tree first)" ]
    [ "${lines[2]}" = "${lines[1]}" ]
    [ "${lines[3]}" = "${lines[0]}" ]
    [ -z "$stderr" ]
}

@test "nothing is printed if one of the packages has no tag" {
    run -2 --separate-stderr lkcoord show-tag first nowhere second
    [ -z "$output" ]
    [[ $stderr == "lkcoord: nowhere: there is no build.yml in it: is it a package's directory?" ]]
}

@test "options stand anywhere, with one dash or two" {
    [ "$(lkcoord show-tag -org=wombat -disable-content-trust -hash=foo first)" = wombat/first:foo ]
    [ "$(lkcoord show-tag first --org wombat --hash foo)" = wombat/first:foo ]
    [ "$(LINUXKIT_PKG_ORG=koala lkcoord show-tag --tag 'v1-{{ .Hash }}' --hash foo first)" = koala/first:v1-foo ]
    [ "$(USER=jane lkcoord show-tag --dev first second)" = $'jane/first:dev\njane/second:rel-dev' ]
}

@test "--canonical puts docker.io/ in front where Docker would" {
    run -0 lkcoord show-tag --canonical --hash x first second
    [ "${lines[0]}" = docker.io/linuxkit/first:x ]
    [ "${lines[1]}" = ghcr.io/x/second:rel-x ]
    [ "$(lkcoord show-tag --canonical --org a/b --hash x first)" = a/b/first:x ]
    [ "$(lkcoord show-tag --canonical --org localhost:5000 --hash x first)" = localhost:5000/first:x ]
}

@test "what is not committed shows in the tag, and is seen again when it changes" {
    echo one >first/new
    one=$(lkcoord show-tag first)
    echo two >first/new
    two=$(lkcoord show-tag first)
    [[ $one == linuxkit/first:$(tree first)-dirty-??????? ]]
    [[ $two == linuxkit/first:$(tree first)-dirty-??????? ]]
    [ "$one" != "$two" ]
    [ "$(lkcoord show-tag --hash-commit main first)" = "linuxkit/first:$(tree first)" ]
    [[ $(lkcoord show-tag --force-dirty second) == ghcr.io/x/second:rel-$(tree second)-dirty-??????? ]]
}

@test "all mistakes of a build.yml are told at once, a line each" {
    printf 'imge: x\nnetwork: maybe\narches: amd64\n' >first/build.yml
    run -2 --separate-stderr lkcoord show-tag first
    [ -z "$output" ]
    [ "${stderr_lines[0]}" = "lkcoord: first/build.yml:1: unknown field 'imge'; did you mean 'image'?" ]
    [ "${stderr_lines[1]}" = "  first/build.yml:2: network: expected true or false, found 'maybe'" ]
    [ "${stderr_lines[2]}" = "  first/build.yml:3: arches: expected a list, found 'amd64'" ]
    [ "${#stderr_lines[@]}" -eq 3 ]
}

@test "a tag that no registry takes is refused, with what is allowed" {
    run -2 lkcoord show-tag --tag '{{printf "%.7s" .Hash}}' first
    [[ $output == *"is more than a tag may use of a template: {{.Hash}}"* ]]
    run -2 lkcoord show-tag --hash a/b first
    [[ $output == *"first: 'a/b' is not a legal tag"* ]]
    run -2 lkcoord show-tag --tag '{{/* empty */}}' first
    [[ $output == *"becomes empty"* ]]
}

@test "options that contradict each other are refused" {
    run -2 lkcoord show-tag --network --nonetwork first
    [ "$output" = "lkcoord: --network and --nonetwork exclude each other" ]
    run -2 lkcoord show-tag --disable-cache --enable-cache first
    [ "$output" = "lkcoord: --enable-cache and --disable-cache exclude each other" ]
}

@test "what git refuses never becomes latest" {
    mkdir "$BATS_TEST_TMPDIR/outside"
    cp first/build.yml "$BATS_TEST_TMPDIR/outside"
    run -2 --separate-stderr lkcoord show-tag "$BATS_TEST_TMPDIR/outside"
    [ -z "$output" ]
    [[ $stderr == *"is not in a git repository"* ]]
    [ "$(lkcoord show-tag --hash x "$BATS_TEST_TMPDIR/outside")" = linuxkit/first:x ]
}

@test "a package for no architecture has a tag, and is skipped by what builds" {
    printf 'image: first\narches: []\ndockerfile: ../gone\n' >first/build.yml
    [[ $(lkcoord show-tag first) == linuxkit/first:$(tree first)-dirty-??????? ]]
    run -0 --separate-stderr lkcoord plan --offline --output json first
    [ "$(jq -c .packages <<<"$output")" = '[]' ]
    [ "$stderr" = "lkcoord: first is skipped: its build.yml has no architectures" ]
    printf 'image: first\narches: [linux/amd64]\n' >first/build.yml
    run -2 lkcoord plan --offline first
    [[ $output == *"first/build.yml:2: arches: 'linux/amd64' is not an architecture's name"* ]]
}

@test "who types linuxkit's words that are none here is told what to type" {
    run -2 lkcoord pkg show-tag first
    [ "$output" = "lkcoord: the commands of \`linuxkit pkg\` are lkcoord's own: leave the word pkg out, as in \`lkcoord push PATH\`" ]
    run -2 lkcoord builder du
    [[ $output == *"builders are the agents'"* ]]
    run -2 lkcoord show-tags first
    [ "$output" = 'lkcoord: there is no command "show-tags"; did you mean show-tag?' ]
    run -2 lkcoord show-tag --registry-creds x=y first
    [[ $output == *"logins are those of"* ]]
    run -2 lkcoord build --release v1 first
    [[ $output == *"say --push too, or \`lkcoord push\`"* ]]
}

@test "another Dockerfile is one that git has below the package" {
    for path in ../Dockerfile /etc/passwd a..b ''; do
        run -2 lkcoord plan --offline --dockerfile "$path" first
        [ "$output" = "lkcoord: --dockerfile '$path' must be a path below the package, without '..'" ]
    done
    run -2 lkcoord plan --offline --dockerfile gone first
    [[ $output == "lkcoord: first: git has no gone in it"*"or --dockerfile" ]]
    run -0 lkcoord plan --offline --output json --dockerfile Dockerfile first
    [ "$(jq -r '.packages[0].dockerfile' <<<"$output")" = Dockerfile ]
}

@test "a Dockerfile may come from an extra source" {
    mkdir shared third
    echo 'FROM scratch' >shared/Dockerfile
    printf 'image: third\nextra-sources: ["../shared:from"]\ndockerfile: from/Dockerfile\n' >third/build.yml
    commit_all
    [ "$(lkcoord plan --offline --output json third | jq -r '.packages[0].dockerfile')" = from/Dockerfile ]
}

@test "what is not committed carries no revision" {
    plan() { lkcoord plan --offline --output json first | jq -r ".packages[0] | $1"; }
    [ "$(plan '.labels["org.opencontainers.image.revision"], .build_args.REVISION')" = "$(git rev-parse HEAD HEAD)" ]
    echo more >>first/Dockerfile
    [ "$(plan '.labels["org.opencontainers.image.revision"], .build_args.REVISION')" = $'null\nnull' ]
    [ "$(plan .build_args.PKG_HASH)" = "$(tag_of "$(lkcoord show-tag first)")" ]
}

@test "only what build.yml and --platforms both list is built" {
    platforms() { lkcoord plan --offline --output json "$@" first | jq -r '[.packages[].arches[].arch] | join(" ")'; }
    [ "$(platforms)" = "amd64 arm64 s390x" ]
    [ "$(platforms --platforms linux/s390x,amd64)" = "amd64 s390x" ]
    [ "$(platforms --platforms linux/s390x,riscv64)" = s390x ]
    [ "$(platforms --skip-platforms linux/s390x)" = "amd64 arm64" ]
    run -0 lkcoord push --platforms riscv64 first
    [ "$output" = "lkcoord: first is skipped: none of its architectures is asked for" ]
    run -2 lkcoord plan --offline --platforms windows/amd64 first
    [[ $output == *'"windows/amd64" is no platform: write amd64 or linux/amd64' ]]
    run -2 lkcoord plan --offline --platforms amd64 --skip-platforms arm64 first
    [[ $output == *"exclude each other; use one" ]]
}

# WORDS COMMAND...: a usage error that is told so.
refuses() {
    run -2 lkcoord "${@:2}"
    [[ $output == "lkcoord: "*"$1"* ]] || { echo "$output"; return 1; }
}

@test "options that say nothing together are refused, with what to leave out or add" {
    refuses "--org says where to push, --output not to: leave one of them out" build --output oci:x --org y first
    refuses "name that too" push --staging x/y first
    refuses "--force and --nobuild exclude each other; use one" push --force --nobuild first
    refuses "takes two names with tags, as ORG/IMAGE:TAG; a/b has none" remote-tag a/b c/d:1
    refuses "has a digest" remote-tag "a/b:1@sha256:$(printf '0%.0s' {1..64})" c/d:1
    refuses "--adopt x: expected sha256: and 64 lower-case hex digits" push --adopt x first
    refuses "--replace x/y: that is no architecture's name" push --replace x/y first
    refuses "--adopt was given more than 8 times" push $(printf -- "--adopt sha256:$(printf '0%.0s' {1..64}) %.0s" {1..9}) first
    refuses "--output yaml is unknown: choose text or json" plan --output yaml first
    refuses "expected oci:DIR or oci-archive:FILE" push --output foo:x first
}

@test "more packages, build arguments or directories than are taken are refused by number" {
    { echo 'image: first'; echo 'buildArgs:'; printf -- '- A%d=1\n' {1..300}; } >first/build.yml
    run -5 lkcoord plan --offline first
    [[ $output == *"first: build argument 'A257=1': "*"more than 256 arguments" ]]
    printf 'image: second\nextra-sources: ["../first:%s"]\n' "$(printf 'd/%.0s' {1..200})" >second/build.yml
    run -5 lkcoord plan --offline second
    [[ $output == *"directories deep"* ]]
    git checkout -q .
    for i in {1..65}; do
        mkdir -p "many/$i"
        echo "image: x$i" >"many/$i/build.yml"
        echo 'FROM scratch' >"many/$i/Dockerfile"
    done
    commit_all
    lkcoord plan --offline many/*
    run -2 lkcoord plan --offline --release v1 many/*
    [[ $output == *"one push takes at most 128 packages, and a release tag counts as one more"* ]]
}

@test "linuxkit's own configuration is named if it cannot be read" {
    export HOME=$BATS_TEST_TMPDIR XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    mkdir -p "$HOME/.moby/linuxkit"
    echo 'pkg: [' >"$HOME/.moby/linuxkit/config.yml"
    git config --global safe.directory '*'
    lkcoord show-tag first
    run -2 setsid env -u COSIGN_PASSWORD lkcoord push --org localhost/x second </dev/null
    [[ $output == *"/.moby/linuxkit/config.yml:2: not well-formed YAML"* ]]
}
