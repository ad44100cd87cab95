#
# Loaded, after helper, by the tests that ask Debian's docker.

docker_answers() {
    DOCKER_HOST=unix://$WORLD/docker.sock /usr/bin/docker version
}

# A daemon of its own that touches neither the host's network nor its firewall, nor /etc (its key).
start_docker() {
    mkdir -p "$WORLD/docker"
    echo "{\"deprecated-key-path\": \"$WORLD/docker/key.json\"}" >"$WORLD/docker/daemon.json"
    world_spawn docker dockerd --config-file "$WORLD/docker/daemon.json" --bridge=none --iptables=false \
        --ip6tables=false --ip-forward=false --data-root "$WORLD/docker/data" --exec-root "$WORLD/docker/exec" \
        --pidfile "$WORLD/docker/pid" --host "unix://$WORLD/docker.sock"
    world_wait "docker" 30 docker_answers
}
