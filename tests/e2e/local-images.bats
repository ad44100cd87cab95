# Images that are built here and published nowhere: where people look for them.

load local_helper

images() {
    buildah images --format '{{.Name}}:{{.Tag}}'
}

# A docker client whose daemon knows nobody: it keeps what it is given to load.
make_docker() {
    mkdir -p "$WORLD/docker"
    cat >"$WORLD/docker/docker" <<END
#!/bin/bash
[ ! -e "$WORLD/docker/away" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }
case \$1 in
version) echo 20.10.24 ;;
tag) echo "\$2 \$3" >>"$WORLD/docker/tags" ;;
load) cp "\${@: -1}" "$WORLD/docker/\$(date +%N).tar" ;;
esac
END
    chmod 755 "$WORLD/docker/docker"
    PATH=$WORLD/docker:$PATH
}

@test "what was built has its names in the user's own store, and the private one leaves no mount" {
    new_small_package kept "arches: [$NATIVE, s390x]"
    lkcoord build --allow-emulation --org wombat kept
    tag=$(lkcoord show-tag --org wombat kept)
    images
    [ "$(images | grep -c wombat/kept)" -eq 3 ]
    images | grep -x "docker.io/$tag"
    images | grep -x "docker.io/$tag-$NATIVE"
    images | grep -x "docker.io/$tag-s390x"
    buildah inspect --type image "$tag-s390x" | jq -e '.OCIv1.architecture == "s390x"'
    buildah inspect --type image "$tag" | jq -e --arg arch "$NATIVE" '.OCIv1.architecture == $arch'
    run ! grep "$STATE" /proc/mounts
}

@test "a push keeps nothing, and a build by a configured coordinator keeps it at the agent" {
    new_small_package pushed "arches: [$NATIVE]"
    push pushed
    [ "$status" -eq 0 ]
    run ! grep pushed <<<"$(images)"
    export LKCOORD_CONFIG=$CONFIGURED
    world_agent "$NATIVE-1" "$NATIVE"
    world_wait_agents 1
    lkcoord build --org wombat --allow-emulation pushed
    tag=$(lkcoord show-tag --org wombat pushed)
    run ! grep pushed <<<"$(images)"
    run -2 lkcoord build --docker pushed
    grep 'a configured coordinator' <<<"$output"
    world_kill "$NATIVE-1"
    unshare --mount buildah --root "$WORLD/$NATIVE-1/root" --runroot "$WORLD/$NATIVE-1/runroot" \
        --storage-driver overlay images --format '{{.Name}}:{{.Tag}}' | grep -x "docker.io/$tag-$NATIVE"
}

@test "--docker loads what was built, and what was pushed" {
    make_docker
    new_small_package loaded "arches: [$NATIVE]"
    tag=$(lkcoord show-tag --org wombat loaded)
    lkcoord build --docker --org wombat loaded
    tar -xOf "$(grep -l "$tag-$NATIVE" "$WORLD"/docker/*.tar)" manifest.json | jq -e '.[0].Layers | length > 0'
    grep -x "docker.io/$tag-$NATIVE docker.io/$tag" "$WORLD/docker/tags"
    rm -f "$WORLD"/docker/*.tar
    push --docker loaded
    # Though all of it was built and kept before: buildah 1.28 trips over that.
    [ "$status" -eq 0 ]
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" loaded)
    cat "$WORLD"/docker/*.tar | grep -aqF "\"$tag-$NATIVE\""
    run ! ls "$STATE"/handover*
}

@test "--docker without a docker is refused before anything is built" {
    make_docker
    touch "$WORLD/docker/away"
    new_small_package nowhere "arches: [$NATIVE]"
    run -4 lkcoord build --docker --org wombat nowhere
    grep 'needs a docker that answers here' <<<"$output"
    grep 'Cannot connect to the Docker daemon' <<<"$output"
    run ! grep building <<<"$output"
    rm "$WORLD/docker/away"
    run -2 lkcoord build --docker --output "oci:$WORLD/layout" nowhere
    grep 'choose one' <<<"$output"
}

@test "--pull fetches what was published before and is not built again" {
    new_small_package fetched "arches: [$NATIVE]"
    push fetched
    [ "$status" -eq 0 ]
    run ! grep fetched <<<"$(images)"
    push --pull fetched
    grep 'nothing to do' <<<"$output"
    tag=$(lkcoord show-tag --org "$REGISTRY/demo" fetched)
    images | grep -x "$tag"
    images | grep -x "$tag-$NATIVE"
}

@test "a package is built on another one of the same command, though neither is published" {
    new_package lower "arches: [$NATIVE, s390x]" <<END
FROM base.lkcoord.example/busybox:1
COPY build.yml /lower.yml
END
    new_package upper "arches: [$NATIVE, s390x]" <<END
FROM $(lkcoord show-tag --org wombat lower)
RUN grep 'image: lower' /lower.yml && uname -m >/machine
END
    lkcoord build --allow-emulation --org wombat upper lower
    images | grep -x "docker.io/$(lkcoord show-tag --org wombat upper)-s390x"
    buildah inspect --type image "$(lkcoord show-tag --org wombat upper)-s390x" |
        jq -e '.OCIv1.architecture == "s390x"'
}
