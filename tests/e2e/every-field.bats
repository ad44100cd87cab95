# Packages that use every field of build.yml at once, published for three architectures, and then seen from
# inside their images.

load helper

ARCHES="amd64 arm64 s390x"

setup_file() {
    start_world
    # One that nothing here uses.
    ftp_proxy=http://proxy.lkcoord.example:3128 start_agents $ARCHES
    cd "$WORLD/source"
    make_surroundings
    make_every
    make_rest
    lkcoord push --allow-emulation pkg/every pkg/rest >"$WORLD/published" 2>"$WORLD/log/push.err" || {
        cat "$WORLD/log/push.err" >&3
        return 1
    }
    git status --porcelain --ignored >"$WORLD/status"
    for arch in $ARCHES; do
        unpack "$(line_of every)" "$arch"
        unpack "$(line_of rest)" "$arch"
    done
}

# What extra sources, arguments and dependencies refer to.
make_surroundings() {
    mkdir -p shared/sub "$WORLD/other/lib" pkg/lib-{a,b}
    echo shared >shared/sub/file
    ln -s sub/file shared/link
    echo ignored >shared/junk.o
    echo single >single
    printf '*.o\n*.tar\n' >.gitignore
    git init -q -b main "$WORLD/other"
    echo foreign >"$WORLD/other/lib/library"
    (cd "$WORLD/other" && commit_all)
    for name in lib-a lib-b; do
        printf 'image: %s\norg: some-libs\n' "$name" >pkg/$name/build.yml
        printf 'FROM base.lkcoord.example/busybox:1\nCOPY build.yml /lib.yml\n' >pkg/$name/Dockerfile
    done
    commit_all
    lkcoord push --allow-emulation --org "$REGISTRY/base" --hash 2 pkg/lib-a
}

digest_of() {
    raw "$REGISTRY/base/$1" | sha256sum | cut -d ' ' -f 1
}

make_every() {
    local golden=$BATS_TEST_DIRNAME/../golden/config-label/every-field.yml
    mkdir -p pkg/every/{docker,images}
    cat >pkg/every/build.yml - "$golden" <<END
image: deep/every
org: $REGISTRY/fields
tag: "v1- {{- .Hash -}} -rel{{/* of the first series */}}"
dockerfile: docker/Every.Dockerfile
arches: [s390x, amd64, arm64]
extra-sources:
  - ../../shared:from/here
  - ../../single:from/single
  - ../../../other/lib:/lib
gitrepo: https://example.org/every
network: on
disable-cache: yes
disable-content-trust: no
buildArgs:
  - PLAIN=a=b  c
  - ONE=@lkt:pkg:../lib-a
  - "%_TAG=@lkt:pkgs:../lib-*"
depends:
  docker-images:
    target-dir: images
    list:
      - $REGISTRY/base/busybox@sha256:$(digest_of busybox:1)
      - $REGISTRY/base/lib-a:2@sha256:$(digest_of lib-a:2)
END
    cat >pkg/every/docker/Every.Dockerfile <<END
FROM base.lkcoord.example/busybox:1
ARG PLAIN
ARG ONE
ARG SOME_LIBS_LIB_A_TAG
ARG SOME_LIBS_LIB_B_TAG
ARG SOURCE
ARG REVISION
ARG GOPKGVERSION
ARG PKG_HASH
ARG PKG_IMAGE
COPY . /context
RUN mkdir /seen && uname -m >/seen/machine
RUN cd /context && find . ! -type d | sort >/seen/files
RUN printf '%s\n' "\$PLAIN" "\$ONE" "\$SOME_LIBS_LIB_A_TAG" "\$SOME_LIBS_LIB_B_TAG" >/seen/arguments
RUN printf '%s\n' "\$SOURCE" "\$REVISION" "\$GOPKGVERSION" "\$PKG_HASH" "\$PKG_IMAGE" >>/seen/arguments
RUN nc -w 5 ${REGISTRY/:/ } </dev/null && echo reached >/seen/network
RUN echo "\$ftp_proxy" >/seen/proxy
RUN cat /proc/sys/kernel/random/uuid >/seen/built
END
    # What a build that overlooks a field would take instead.
    echo 'FROM nothing' >pkg/every/Dockerfile
    echo stale >pkg/every/images/stale
    echo ignored >pkg/every/junk.o
    commit_all
}

# The fields that exclude those above, and the defaults of the others.
make_rest() {
    mkdir -p pkg/rest/lists
    printf '# from elsewhere\n\n%s\r\n%s\n' "$REGISTRY/base/busybox@sha256:$(digest_of busybox:1)" \
        "$REGISTRY/base/lib-a:2@sha256:$(digest_of lib-a:2)" >pkg/rest/lists/images
    cat >pkg/rest/build.yml <<END
image: rest
org: $REGISTRY/fields
gitrepo: ""
disable-content-trust: true
depends: {docker-images: {from-file: lists/images, target: saved/all.tar}}
END
    cat >pkg/rest/Dockerfile <<END
FROM base.lkcoord.example/busybox:1
COPY . /context
RUN mkdir /seen && uname -m >/seen/machine
RUN cd /context && find . ! -type d | sort >/seen/files
RUN if nc -w 2 ${REGISTRY/:/ } </dev/null; then echo reached; else echo nobody; fi >/seen/network
RUN echo "\$ftp_proxy" >/seen/proxy
RUN cat /proc/sys/kernel/random/uuid >/seen/built
END
    echo /left-out >pkg/rest/.dockerignore
    touch pkg/rest/left-out
    commit_all
}

# NAME: what the push has printed for it.
line_of() {
    grep "/$1:" "$WORLD/published"
}

# REFERENCE ARCH: the image's files, one layer over the other, and its configuration, in $WORLD/NAME.ARCH.
unpack() {
    local name layer image
    name=$(basename "${1%%@*}")
    name=$WORLD/${name%:*}.$2
    image=docker://$(repository_of "$1")@${1#*@}
    mkdir -p "$name/root"
    skopeo copy --quiet --src-tls-verify=false --override-arch "$2" "$image" "dir:$name/image"
    skopeo inspect --config --tls-verify=false --override-arch "$2" "$image" >"$name/config"
    for layer in $(jq -r '.layers[].digest' "$name/image/manifest.json"); do
        tar -xf "$name/image/${layer#sha256:}" -C "$name/root"
    done
    rm -r "$name/image"
}

# NAME: succeeds if each architecture's image has in /seen/NAME what is on stdin.
every_saw() {
    local arch
    cat >"$BATS_TEST_TMPDIR/expected"
    for arch in $ARCHES; do
        diff "$BATS_TEST_TMPDIR/expected" "$WORLD/$1.$arch/root/seen/$2"
    done
}

tree_of() {
    git -C "$1" rev-parse "HEAD:$2"
}

hash_of_every() {
    { tree_of . pkg/every; tree_of . shared; tree_of . single; tree_of "$WORLD/other" lib; } |
        tr -d '\n' | sha1sum | cut -c 1-40
}

@test "image, org and tag make the name, and arches the index" {
    [ "$(line_of every | cut -d @ -f 1)" = "$REGISTRY/fields/deep/every:v1-$(hash_of_every)-rel" ]
    [ "$(arches_of "$(line_of every)")" = "$ARCHES" ]
    [ "$(line_of rest | cut -d @ -f 1)" = "$REGISTRY/fields/rest:$(tree_of . pkg/rest)" ]
    [ "$(arches_of "$(line_of rest)")" = "$ARCHES" ]
    [ "$(cut -d @ -f 1 "$WORLD/published")" = "$(lkcoord show-tag pkg/every pkg/rest)" ]
}

@test "each image is for the architecture that it says, and was built on it" {
    for name in every rest; do
        for arch in $ARCHES; do
            [ "$(jq -r .architecture "$WORLD/$name.$arch/config")" = "$arch" ]
        done
        cat "$WORLD/$name."*/root/seen/machine | paste -sd ' ' | grep -x 'x86_64 aarch64 s390x'
    done
}

@test "the labels are linuxkit's, byte for byte, and those of the plan" {
    golden=$BATS_TEST_DIRNAME/../golden/config-label/every-field.json
    lkcoord plan --offline --output json pkg/every pkg/rest >"$BATS_TEST_TMPDIR/plan"
    for arch in $ARCHES; do
        jq -j '.config.Labels["org.mobyproject.config"]' "$WORLD/every.$arch/config" |
            cmp - <(tr -d '\n' <"$golden")
        jq -e --slurpfile plan "$BATS_TEST_TMPDIR/plan" --arg head "$(git rev-parse HEAD)" '
            .config.Labels as $labels | $labels["org.opencontainers.image.source"] == "https://example.org/every" and
            $labels["org.opencontainers.image.revision"] == $head and
            $labels == $plan[0].packages[0].labels' "$WORLD/every.$arch/config"
        # Without gitrepo there is no source; without config no label of it.
        jq -e '.config.Labels | keys == ["org.mobyproject.linuxkit.revision",
            "org.mobyproject.linuxkit.version", "org.opencontainers.image.revision"]' "$WORLD/rest.$arch/config"
    done
}

@test "a build sees the arguments of build.yml and linuxkit's own" {
    head=$(git rev-parse HEAD)
    every_saw every arguments <<END
a=b  c
some-libs/lib-a:$(tree_of . pkg/lib-a)
some-libs/lib-a:$(tree_of . pkg/lib-a)
some-libs/lib-b:$(tree_of . pkg/lib-b)
https://example.org/every
$head
v0.0.0-$(git log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S)-${head:0:12}
$(hash_of_every)
$REGISTRY/fields/deep/every
END
}

@test "the context has what git has, extra sources at their places, and saved images; not what is ignored or stale" {
    every_saw every files <<END
./Dockerfile
./build.yml
./docker/Every.Dockerfile
./from/here/link
./from/here/sub/file
./from/single
./images/busybox@sha256:$(digest_of busybox:1).tar
./images/lib-a@sha256:$(digest_of lib-a:2).tar
./lib/library
END
    for arch in $ARCHES; do
        inside=$WORLD/every.$arch/root/context
        [ "$(readlink "$inside/from/here/link")" = sub/file ]
        [ "$(cat "$inside/from/here/sub/file" "$inside/from/single" "$inside/lib/library")" = $'shared\nsingle\nforeign' ]
        cmp pkg/every/build.yml "$inside/build.yml"
    done
    # The second has a .dockerignore, which builders heed.
    every_saw rest files <<END
./.dockerignore
./Dockerfile
./build.yml
./lists/images
./saved/all.tar
END
}

# ARCHIVE WHICH IMAGE ARCH: skopeo loads the archive's image WHICH, and it is IMAGE for this architecture.
holds() {
    local layout
    layout=$(mktemp -d "$BATS_TEST_TMPDIR/layout.XXXXXX")
    # skopeo takes no ':' in a file's name.
    ln -sf "$1" "$layout/archive"
    skopeo copy --quiet "docker-archive:$layout/archive:@$2" "oci:$layout:it"
    skopeo inspect --config "oci:$layout:it" | jq -e --arg arch "$4" '.architecture == $arch'
    [ "$(skopeo inspect --config --raw "oci:$layout:it")" = \
        "$(skopeo inspect --config --raw --tls-verify=false --override-arch "$4" "docker://$REGISTRY/base/$3")" ]
}

@test "skopeo loads the saved images, which are those of the image's own architecture" {
    for arch in $ARCHES; do
        inside=$WORLD/every.$arch/root/context/images
        holds "$inside/busybox@sha256:$(digest_of busybox:1).tar" 0 busybox:1 "$arch"
        holds "$inside/lib-a@sha256:$(digest_of lib-a:2).tar" 0 lib-a:2 "$arch"
        inside=$WORLD/rest.$arch/root/context/saved/all.tar
        holds "$inside" 0 busybox:1 "$arch"
        holds "$inside" 1 lib-a:2 "$arch"
    done
}

@test "a step has the host's network and proxies with network: on, and nobody's without" {
    every_saw every network <<<reached
    every_saw rest network <<<nobody
    every_saw every proxy <<<http://proxy.lkcoord.example:3128
    every_saw rest proxy <<<""
    run ! grep -F proxy.lkcoord.example "$WORLD"/every.*/config
}

@test "disable-content-trust: true leaves a package unsigned, and no other" {
    lkcoord verify --key "$SIGNING_KEY" "$(line_of every)"
    run -6 lkcoord verify --key "$SIGNING_KEY" "$(line_of rest)"
    grep "^$REGISTRY/fields/rest:.* unsigned, as build.yml asks" "$WORLD/log/push.err"
}

@test "disable-cache: true runs each step again, which a build that is cached does not" {
    for name in every rest; do
        lkcoord push --force --platforms amd64 pkg/$name >"$BATS_TEST_TMPDIR/$name"
        mv "$WORLD/$name.amd64" "$WORLD/$name.first"
        unpack "$(cat "$BATS_TEST_TMPDIR/$name")" amd64
    done
    run ! cmp "$WORLD/every.first/root/seen/built" "$WORLD/every.amd64/root/seen/built"
    cmp "$WORLD/rest.first/root/seen/built" "$WORLD/rest.amd64/root/seen/built"
}

@test "the maintainer's checkout is as it was" {
    git status --porcelain --ignored | diff "$WORLD/status" -
    [ "$(cat "$WORLD/status")" = $'!! pkg/every/junk.o\n!! shared/junk.o' ]
    [ "$(ls pkg/every/images)" = stale ]
    [ ! -e pkg/rest/saved ]
}
