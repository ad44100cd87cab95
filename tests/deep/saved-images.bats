# Debian's docker as the judge of images that we write: it loads them, or says why not.

load ../e2e/local_helper
load docker

setup() {
    without_coordinator
    export DOCKER_HOST=unix://$WORLD/docker.sock
    PATH=/usr/bin:$PATH
    PATH=$LK_BIN:$PATH
}

@test "docker starts" {
    start_docker
}

@test "docker and skopeo load what depends.docker-images has saved, one by one and all in one" {
    local digest image file
    digest=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/base/busybox:1" | sha256sum | cut -d ' ' -f 1)
    image=$REGISTRY/base/busybox@sha256:$digest
    new_package each "arches: [$NATIVE]" \
        "depends: {docker-images: {list: ['$image'], target-dir: saved}}" <<END
FROM scratch
COPY saved /saved
END
    new_package all "arches: [$NATIVE]" \
        "depends: {docker-images: {list: ['$image'], target: all.tar}}" <<END
FROM scratch
COPY all.tar /saved/all.tar
END
    lkcoord build --org wombat each all
    for name in each all; do
        rm -rf "$WORLD/layers" "$WORLD/saved"
        mkdir -p "$WORLD/saved"
        skopeo --insecure-policy copy --quiet "containers-storage:docker.io/$(lkcoord show-tag --org wombat $name)" \
            "dir:$WORLD/layers"
        tar -xf "$WORLD/layers/$(jq -r '.layers[-1].digest' "$WORLD/layers/manifest.json" | cut -d : -f 2)" -C "$WORLD/saved"
        file=$(find "$WORLD/saved" -name '*.tar')
        [ "$name" = all ] || [ "$(basename "$file")" = "busybox@sha256:$digest.tar" ]
        # A path with a colon, skopeo takes for a name.
        cp "$file" "$WORLD/saved/plain"
        skopeo --insecure-policy copy "docker-archive:$WORLD/saved/plain" "oci:$WORLD/saved/oci:it"
        docker load --input "$file" | tee "$WORLD/log/load"
        id=$(sed -n 's/^Loaded image ID: //p' "$WORLD/log/load")
        # The same id as docker itself gives what it pulls.
        docker pull --quiet "$image"
        [ "$id" = "$(docker image inspect --format '{{.Id}}' "$image")" ]
        docker image rm --force "$id"
    done
}

@test "--docker loads images that docker knows by LinuxKit's names, and runs" {
    new_package known "arches: [$NATIVE, s390x]" <<END
FROM base.lkcoord.example/busybox:1
COPY build.yml /known.yml
CMD ["/bin/cat", "/known.yml"]
END
    tag=$(lkcoord show-tag --org wombat known)
    lkcoord build --docker --allow-emulation --org wombat known
    docker image ls --format '{{.Repository}}:{{.Tag}}' | sort | grep known >"$WORLD/log/names"
    diff "$WORLD/log/names" - <<END
$tag
$tag-$NATIVE
$tag-s390x
END
    [ "$(docker image inspect --format '{{.Architecture}}' "$tag-s390x")" = s390x ]
    [ "$(docker image inspect --format '{{.Architecture}}' "$tag")" = "$NATIVE" ]
    docker run --rm --network none "$tag" | grep 'image: known'
}
