# What a package says of itself, seen in the image that is published.

load helper

setup_file() {
    start_world
    start_agents amd64
}

# REFERENCE: the labels in the published image's configuration.
labels_of() {
    skopeo inspect --config --tls-verify=false --override-arch amd64 \
        "docker://$(repository_of "$1")@${1#*@}" | jq .config.Labels
}

@test "every field of config reaches the image as linuxkit writes it" {
    golden=$BATS_TEST_DIRNAME/../golden/config-label
    new_small_package every "arches: [amd64]" "$(cat "$golden/every-field.yml")"
    push every
    [ "$status" -eq 0 ]
    labels_of "$published" >"$BATS_TEST_TMPDIR/labels"
    jq -r '.["org.mobyproject.config"]' "$BATS_TEST_TMPDIR/labels" | cmp - "$golden/every-field.json"
    jq -e --arg head "$(git rev-parse HEAD)" '
        keys == ["org.mobyproject.config", "org.mobyproject.linuxkit.revision",
            "org.mobyproject.linuxkit.version", "org.opencontainers.image.revision",
            "org.opencontainers.image.source"] and
        .["org.opencontainers.image.revision"] == $head' "$BATS_TEST_TMPDIR/labels"
    lkcoord plan --output json --org "$REGISTRY/demo" every |
        jq -e --slurpfile labels "$BATS_TEST_TMPDIR/labels" '.packages[0].labels == $labels[0]'
}

@test "a build sees build.yml's arguments, a file's in their place, and other packages' names" {
    new_small_package other "org: $REGISTRY/demo"
    new_package arguments "arches: [amd64]" "buildArgs: ['OTHER=@lkt:pkg:../other', 'A=a b', 'B=1', PKG_IMAGE=mine]" <<'END'
FROM base.lkcoord.example/busybox:1
ARG OTHER
ARG A
ARG B
ARG PKG_HASH
ARG PKG_IMAGE
RUN [ "$A" = "a b" ]
LABEL seen="$OTHER|$A|$B|$PKG_HASH|$PKG_IMAGE"
END
    echo 'B = "2"' >"$BATS_TEST_TMPDIR/file"
    push --build-arg-file "$BATS_TEST_TMPDIR/file" arguments
    [ "$status" -eq 0 ]
    expected="$(lkcoord show-tag other)|a b|\"2\"|$(git rev-parse HEAD:arguments)|mine"
    [ "$(labels_of "$published" | jq -r .seen)" = "$expected" ]
}

@test "arguments that are none are refused before anything is built, but have a tag" {
    new_small_package wrong "arches: [amd64]" "buildArgs: [NOTHING]"
    lkcoord show-tag wrong
    push wrong
    [ "$status" -eq 2 ]
    [[ $output == *"wrong: buildArgs: 'NOTHING' has no '=': it must be NAME=VALUE"* ]]
    new_small_package fine "arches: [amd64]"
    printf 'A=1\n\n' >"$BATS_TEST_TMPDIR/file"
    push --build-arg-file "$BATS_TEST_TMPDIR/file" fine
    [ "$status" -eq 2 ]
    [[ $output == *"file: line 2: an empty line"* ]]
}
