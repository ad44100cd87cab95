# Tags and build contexts: what git says of a package, its extra sources and its uncommitted changes.

load helper

setup_file() {
    start_world
    start_agents amd64
    export TAG_ANSWERS=$ROOT/${TAG_ANSWERS:-build/$CONFIG/tests/tools/tag_answers}
    git init -q -b main "$WORLD/other"
    export HOME=$WORLD/home
    mkdir -p "$HOME" "$WORLD/state"
}

# LAYOUT TAG: what the last layer of the image has, as "PATH CONTENT" for files and links.
files_of() {
    local layer root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root"
    skopeo copy --quiet "oci:$1:$2" "dir:$BATS_TEST_TMPDIR/image"
    layer=$(jq -r '.layers[-1].digest' "$BATS_TEST_TMPDIR/image/manifest.json")
    tar -xf "$BATS_TEST_TMPDIR/image/${layer#sha256:}" -C "$root"
    (cd "$root/context" && find . -type f -printf '%P ' -exec cat {} \; -o -type l -printf '%P -> %l\n') | sort
}

# PACKAGE: builds it on this machine alone, and leaves what was in its context in $output.
build_context() {
    local layout=$BATS_TEST_TMPDIR/layout
    rm -rf "$layout" "$BATS_TEST_TMPDIR/image" "$BATS_TEST_TMPDIR/root"
    env -u LKCOORD_CONFIG XDG_STATE_HOME="$WORLD/state" XDG_CONFIG_HOME="$WORLD/none" \
        CONTAINERS_REGISTRIES_CONF="$WORLD/registries.conf" lkcoord build --output "oci:$layout" "$1"
    run -0 files_of "$layout" "$(tag_of "$(lkcoord show-tag "$1")")"
    echo "$output"
}

new_context_package() {
    new_package "$1" "arches: [$(dpkg --print-architecture)]" "${@:2}" <<END
FROM base.lkcoord.example/busybox:1
COPY . /context
END
}

@test "tags, and what is built, are those of git in hundreds of states" {
    "$ROOT/tests/tools/tag_states.py" "$TAG_ANSWERS" 17
}

@test "extra sources of this repository and another, directories and files, are in the context and in the tag" {
    mkdir -p shared/sub "$WORLD/other/lib"
    echo one >shared/sub/file
    ln -s sub/file shared/link
    echo ignored >shared/x.o
    echo '*.o' >.gitignore
    echo two >"$WORLD/other/lib/library"
    (cd "$WORLD/other" && commit_all)
    new_context_package extra "extra-sources: ['../shared:from/here', '../../other/lib:', '../shared/sub/file:single']"
    build_context extra
    [ "$(grep -v '^Dockerfile\|^FROM\|^COPY\|^build.yml\|^arches\|^extra' <<<"$output")" = "from/here/link -> sub/file
from/here/sub/file one
library two
single one" ]

    ids=$(git rev-parse HEAD:extra HEAD:shared; git -C "$WORLD/other" rev-parse HEAD:lib; git rev-parse HEAD:shared/sub/file)
    hash=$(tr -d '\n' <<<"$ids" | sha1sum | cut -c1-40)
    [ "$(lkcoord show-tag extra)" = "linuxkit/extra:$hash" ]
    echo three >>shared/sub/file
    run -0 lkcoord show-tag extra
    [[ $output =~ ^linuxkit/extra:$hash-dirty-[0-9a-f]{7}$ ]]
    push extra
    [ "$status" -eq 5 ]
    [[ $output == *"uncommitted changes in extra (for example shared/sub/file)"* ]]
    git checkout -q shared
}

@test "what is not committed is built as a commit of it would be, and never pushed" {
    new_context_package changed
    echo tracked >changed/tracked
    echo gone >changed/gone
    printf 'a\r\nb\r\n' >changed/lines.txt
    printf '*.txt text\n' >changed/.gitattributes
    echo '*.o' >changed/.gitignore
    commit_all
    echo more >>changed/tracked
    echo new >"changed/new file"
    echo ignored >changed/x.o
    printf 'a\r\nc\r\n' >changed/lines.txt
    rm changed/gone
    build_context changed
    built=$output
    [ "$(grep -v '^Dockerfile\|^COPY\|^build.yml\|^arches\|^\.git' <<<"$built")" = "c
lines.txt a
more
new file new
tracked tracked" ]

    push changed
    [ "$status" -eq 5 ]
    [[ $output == *"uncommitted changes in changed"*"commit them first"* ]]
    [ "$(lkcoord plan --output json --org "$REGISTRY/demo" changed | jq -r '.packages[0].reference')" = \
        "$(lkcoord show-tag --org "$REGISTRY/demo" changed)" ]
    commit_all
    build_context changed
    [ "$output" = "$built" ]
}

@test "a submodule's files are there as an extra source, as its own repository has them" {
    mkdir -p "$WORLD/other/part"
    echo inner >"$WORLD/other/part/file"
    (cd "$WORLD/other" && commit_all)
    git -c protocol.file.allow=always submodule -q add "$WORLD/other" modules/other
    new_context_package moduled "extra-sources: ['../modules/other/part:part']"
    : >modules/other/untracked
    build_context moduled
    grep -x 'part/file inner' <<<"$output"
    [ "$(lkcoord show-tag moduled)" = "linuxkit/moduled:$(
        printf %s "$(git rev-parse HEAD:moduled)" "$(git -C modules/other rev-parse HEAD:part)" | sha1sum | cut -c 1-40)" ]
}
