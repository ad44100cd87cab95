# The README's tour, block by block as it is printed there, but for the ports and the folder.

load helper

setup_file() {
    use_world
    mkdir -p "$WORLD"
}

setup() {
    cd "$ROOT"
}

# The commands of the section, nothing else.
tour_commands() {
    awk '/^## / { inside = ($0 == "## A tour") } inside && /^```/ { code = ($0 == "```sh"); next } inside && code' \
        README.md
}

free_ports() {
    /usr/bin/python3 -c '
import socket
socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[s.getsockname()[1] for s in socks])'
}

@test "the tour does what the README says" {
    read -r registry agents clients < <(free_ports)
    tour_commands | sed -e "s|/tmp/lkcoord-tour|$WORLD/tour|g" -e "s|\$PWD/build/bin|$LK_BIN|" \
        -e "s/:5000/:$registry/g" -e "s/:7411/:$agents/g" -e "s/:7412/:$clients/g" >"$WORLD/tour.sh"
    grep -q 'lkcoord push' "$WORLD/tour.sh"

    output=$(bash -e "$WORLD/tour.sh" 2>&1)
    echo "$output"

    grep -qE '^127\.0\.0\.1:[0-9]+/demo/motd:[0-9a-f]{40}@sha256:[0-9a-f]{64}$' <<<"$output"
    [ "$(grep -c 'done (emulated)' <<<"$output")" -eq 2 ]
    grep -q 'is complete and signed: nothing to do$' <<<"$output"
    grep -q 'is complete and signed$' <<<"$output"
    grep -q 'commit them first' <<<"$output"
    grep -q '^exit 5$' <<<"$output"
    [ ! -e "$WORLD/tour" ]
}
