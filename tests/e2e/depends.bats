# depends.docker-images when something is wrong with it: whose fault, and in which words.

load helper

setup_file() {
    start_world
    start_agents amd64
}

# NAME IMAGE [LINE...]: a package that wants the image saved.
new_depending_package() {
    new_package "$1" "arches: [amd64]" "depends: {docker-images: {list: ['$2'], target-dir: some/images}}" "${@:3}" <<END
FROM base.lkcoord.example/busybox:1
COPY some/images /images
RUN ls /images && stat -c '%a %Y' /images/*
END
}

digest_of() {
    skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/base/busybox:1" | sha256sum | cut -d ' ' -f 1
}

@test "an image that the registry does not have fails the build, and is named" {
    new_depending_package missing "$REGISTRY/base/busybox@sha256:$(printf %064d 7)"
    push missing
    [ "$status" -eq 1 ]
    grep "build failed: amd64: depends.docker-images: $REGISTRY/base/busybox@sha256:0*7: its registry has no image" <<<"$output"
}

@test "an image for another architecture fails the build" {
    child=$(raw "$REGISTRY/base/busybox:1" | jq -r '.manifests[] | select(.platform.architecture == "s390x").digest')
    new_depending_package foreign "$REGISTRY/base/busybox@$child"
    push foreign
    [ "$status" -eq 1 ]
    grep 'it is for linux/s390x, and linux/amd64 is built here' <<<"$output"
}

@test "a link in the package does not lead the images out of it" {
    mkdir -p "$WORLD/outside" linked
    ln -s "$WORLD/outside" linked/some
    new_depending_package linked "$REGISTRY/base/busybox@sha256:$(digest_of)"
    push linked
    [ "$status" -eq 1 ]
    grep 'a symbolic link or a file in place of the directory some' <<<"$output"
    [ -z "$(ls -A "$WORLD/outside")" ]
}

@test "what was saved is in the log, has a fixed time, and the same package is cached" {
    new_depending_package saved "$REGISTRY/base/busybox@sha256:$(digest_of)"
    push saved
    [ "$status" -eq 0 ]
    number=$(sed -n 's/^push \([0-9]*\) .*/\1/p' <<<"$output")
    lkcoord logs "$number" | grep 'lkagentd: saved 1 image of depends.docker-images as some/images$'
    lkcoord logs "$number" | grep "\] busybox@sha256:$(digest_of).tar\$"
    lkcoord logs "$number" | grep '\] 600 0$'
    push --force saved
    [ "$status" -eq 0 ]
    number=$(sed -n 's/^push \([0-9]*\) .*/\1/p' <<<"$output")
    lkcoord logs "$number" | grep -A 1 'RUN ls /images' | grep 'Using cache'
}

@test "a registry that is away is infrastructure, tried again" {
    new_depending_package away "127.0.0.1:1/base/busybox@sha256:$(digest_of)"
    push --timeout 20 away
    [ "$status" -eq 4 ]
}
