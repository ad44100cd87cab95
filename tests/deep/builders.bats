# The other builders: the same agent with podman, and with Debian's docker.

load ../e2e/helper
load docker

# podman takes a runroot of no more than 50 characters.
setup_file() {
    export RUNROOT=$ROOT/build/run/$$
    start_world
}

teardown_file() {
    world_stop
    rm -rf "$RUNROOT"
}

# NAME BUILDER [LINE...]: one more agent, and waits for it.
start_agent_with() {
    mkdir -p "$WORLD/$1/state"
    world_agent_config "$1" amd64 "${@:3}" |
        sed -e "s/^builder: .*/builder: $2/" -e "s|^  runroot: .*|  runroot: $RUNROOT|" >"$WORLD/$1.yml"
    world_agent_again "$1"
    world_wait_agents 1
}

# NAME [LINE...]: a package whose RUN steps see whether there is a network.
package_with_steps() {
    local name=$1
    shift
    new_package "$name" "arches: [amd64]" "$@" <<EOF2
FROM $base/busybox:1
COPY build.yml /$name.yml
RUN uname -m > /built-on
RUN if nc -w 2 ${REGISTRY/:/ } </dev/null; then echo yes; else echo no; fi > /network; echo network: \$(cat /network)
CMD ["/bin/cat", "/network"]
EOF2
}

# NAME yes|no: is published, signed, for one architecture, and its steps had a network or not.
is_published() {
    [ "$status" -eq 0 ]
    [ "$(arches_of "$published")" = amd64 ]
    lkcoord verify --key "$SIGNING_KEY" "$published"
    lkcoord logs "$(sed -n 's/^push \([0-9]*\) .*/\1/p' <<<"$output")" | grep "network: $2\$"
    raw "${published%@*}-amd64" >"$BATS_TEST_TMPDIR/child"
    jq -e '.layers | length > 0' "$BATS_TEST_TMPDIR/child"
}

base=base.lkcoord.example

@test "podman builds what is published and verifies" {
    start_agent_with amd64-1 podman
    lkcoord agents | grep podman
    package_with_steps with-podman
    push with-podman
    is_published with-podman no
    [ -z "$(podman --root "$WORLD/amd64-1/root" --runroot "$RUNROOT" images -q --filter reference='*/lkcoord/*')" ]
}

@test "what podman builds and nobody publishes stays in its store" {
    new_small_package kept-podman "arches: [amd64]"
    lkcoord build --org wombat kept-podman
    podman --root "$WORLD/amd64-1/root" --runroot "$RUNROOT" image exists \
        "$(lkcoord show-tag --org wombat kept-podman)-amd64"
    podman --root "$WORLD/amd64-1/root" --runroot "$RUNROOT" image exists \
        "$(lkcoord show-tag --org wombat kept-podman)"
    # What is there already is still built and published.
    push kept-podman
    [ "$status" -eq 0 ]
}

@test "under podman too a package is built on another one that is not published" {
    new_small_package podman-lower "arches: [amd64]"
    new_package podman-upper "arches: [amd64]" <<EOF2
FROM $(lkcoord show-tag --org wombat podman-lower)
RUN grep podman-lower /podman-lower.yml
EOF2
    lkcoord build --org wombat podman-upper podman-lower
}

@test "with network: true podman's steps have the host's network" {
    package_with_steps open-podman "network: true"
    push open-podman
    is_published open-podman yes
}

@test "a build that fails under podman is the package's failure" {
    new_package bad-podman "arches: [amd64]" <<EOF2
FROM $base/busybox:1
RUN echo a word from the build && false
EOF2
    push bad-podman
    [ "$status" -eq 1 ]
    grep -q 'a word from the build' <<<"$output"
}

# Docker knows the registry only by its address.
docker_base() {
    base=$REGISTRY/base
}

@test "docker builds what is published and verifies" {
    docker_base
    world_kill amd64-1
    start_docker
    export DOCKER_HOST=unix://$WORLD/docker.sock
    start_agent_with spare-1 docker "builder-command: /usr/bin/docker"
    package_with_steps with-docker
    push with-docker
    is_published with-docker no
    [ -z "$(/usr/bin/docker images -q 'lkcoord/*')" ]
}

@test "what docker builds and nobody publishes stays with it" {
    new_package kept-docker "arches: [amd64]" <<EOF2
FROM scratch
COPY build.yml /kept.yml
EOF2
    lkcoord build --org wombat kept-docker
    export DOCKER_HOST=unix://$WORLD/docker.sock
    /usr/bin/docker image inspect "$(lkcoord show-tag --org wombat kept-docker)-amd64"
    /usr/bin/docker image inspect "$(lkcoord show-tag --org wombat kept-docker)"
}

@test "with network: true docker's steps have the host's network" {
    docker_base
    package_with_steps open-docker "network: true"
    push open-docker
    is_published open-docker yes
}

@test "a build that fails under docker is the package's failure" {
    docker_base
    new_package bad-docker "arches: [amd64]" <<EOF2
FROM $base/busybox:1
RUN echo a word from the build && false
EOF2
    push bad-docker
    [ "$status" -eq 1 ]
    grep -q 'a word from the build' <<<"$output"
}

@test "a docker daemon that is away is infrastructure, not the package's failure" {
    docker_base
    world_kill docker
    package_with_steps no-daemon
    push no-daemon
    [ "$status" -eq 4 ]
}
