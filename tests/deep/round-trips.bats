# What signing costs where the registry is far away: requests one after the other between the last image and the tag.

load ../e2e/helper

# So late that what is asked at once is seen to be, whatever else this machine does.
LATE_MS=400
ARCHES="amd64, arm64, s390x"

setup_file() {
    start_world
    mkdir "$WORLD/proxy"
    world_spawn proxy "$ROOT/tests/tools/faulty-proxy.py" "$WORLD/proxy" "$REGISTRY"
    world_wait "the proxy" 20 test -s "$WORLD/proxy/address"
    start_agents amd64 arm64 s390x
}

# NAME ARGUMENT...: pushes it through the proxy; how many round trips there were is left in $rounds.
push_far_away() {
    local name=$1 proxy ms
    shift
    proxy=$(cat "$WORLD/proxy/address")
    new_package "$name" "arches: [$ARCHES]" <<END
FROM scratch
COPY build.yml /$name.yml
CMD ["/none"]
END
    echo "100000 * . late $LATE_MS" >"$WORLD/proxy/faults"
    : >"$WORLD/proxy/requests"
    REGISTRY=$proxy push "$name" "$@"
    [ "$status" -eq 0 ]
    read -r ms rounds < <(awk -v tag="$(tag_of "$published")" -f "$ROOT/tests/tools/between-tags.awk" "$WORLD/proxy/requests")
    echo "# $name: $rounds round trips, $ms ms" >&3
}

@test "signatures add at most four round trips to what comes after the last image" {
    push_far_away plain --disable-content-trust
    without=$rounds
    push_far_away signed
    lkcoord verify --key "$SIGNING_KEY" "$published"
    [ "$without" -gt 0 ]
    [ $((rounds - without)) -gt 0 ]
    [ $((rounds - without)) -le 4 ]
}
