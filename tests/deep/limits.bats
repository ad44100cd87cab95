# What grows with its input stops at a maximum that was configured, and says so.

load helper

setup_file() {
    start_world
    start_agents amd64
}

# Opening the signing key takes 64 MB for a moment, by its format: that is not counted.
forget_start() {
    echo 5 >"/proc/$(pid_of coordinator)/clear_refs"
}

memory_kb() {
    sed -nE 's/^VmHWM:[[:space:]]*([0-9]+) kB/\1/p' "/proc/$(pid_of coordinator)/status"
}

@test "a file of 500 MB goes through without being in the coordinator's memory" {
    new_small_package large "arches: [amd64]"
    head -c 500000000 /dev/urandom >large/data
    echo '*' >large/.dockerignore
    echo '!build.yml' >>large/.dockerignore
    git config core.compression 0
    commit_all
    forget_start
    push large
    [ "$status" -eq 0 ]
    echo "# at most $(memory_kb) kB" >&3
    [ "$(memory_kb)" -lt 65536 ]
}

# NAME: a build that says more than fits.
new_talker() {
    new_package "$1" "arches: [amd64]" <<END
FROM base.lkcoord.example/busybox:1
RUN yes $1 | head -c 20000000
END
}

pushed() {
    sed -nE 's/^push ([0-9]+) .*/\1/p' <<<"$output"
}

logs_kb() {
    du -sk "$WORLD/coordinator/logs" | cut -f1
}

@test "all logs together are kept within logs-max-mib: the oldest go, and what finds no room is said" {
    reconfigure "logs-max-mib: 16"
    new_talker older
    new_talker newer
    push older
    [ "$status" -eq 0 ]
    older=$(pushed)
    run lkcoord logs "$older"
    [[ "$output" == *"the rest is left out: quota (logs-max-mib"* ]]
    [[ "$output" =~ \[lkcoordd:\ [0-9]+\ bytes\ left\ out:\ quota\] ]]
    push newer
    [ "$status" -eq 0 ]
    newer=$(pushed)
    [ "$(logs_kb)" -le 16500 ]
    run lkcoord logs "$older"
    [[ "$output" == *"removed to make room for newer ones (logs-max-mib)"* ]]
    [ "$(lkcoord logs "$newer" | wc -c)" -ge 14000000 ]
}

# NAME BYTES: a package whose context holds so much that cannot be packed, and whose image does not.
new_heavy() {
    new_small_package "$1" "arches: [amd64]"
    head -c "$2" /dev/urandom >"$1/data"
    printf '*\n!build.yml\n' >"$1/.dockerignore"
    commit_all
}

# DIRECTORY
kept_kb() {
    du -sk "$1" | cut -f1
}

set_limits() {
    reconfigure "logs-max-mib: 16" "sources-max-mib: $1"
    world_kill amd64-1
    sed -i /^sources-max-mib/d "$WORLD/amd64-1.yml"
    echo "sources-max-mib: $1" >>"$WORLD/amd64-1.yml"
    world_agent_again amd64-1
    world_wait_agents 1
}

has_shrunk() {
    [ "$(kept_kb "$1")" -le "$2" ]
}

@test "a push that is larger than a client's sources may be is refused by name" {
    rm -rf "$WORLD"/coordinator/sources/maintainer/??
    set_limits 16
    new_heavy whale 20000000
    push whale
    [ "$status" -ne 0 ]
    [[ "$output" == *"the source has more than 16 MiB"*"sources-max-mib"* ]]
}

@test "sources that were not used for long make room, at the coordinator and at the agent" {
    local stores=("$WORLD/coordinator/sources/maintainer" "$WORLD/amd64-1/state/store")
    rm -rf "${stores[0]}"/?? "${stores[1]}"/??
    set_limits 16
    new_heavy former 10000000
    push former
    [ "$status" -eq 0 ]
    find "${stores[@]}" -type f -name '*.[bt]' -exec touch -d '2 days ago' {} +
    new_heavy latter 5500000
    push latter
    [ "$status" -eq 0 ]
    world_wait "room at the coordinator" 10 has_shrunk "${stores[0]}" 8000
    world_wait "room at the agent" 10 has_shrunk "${stores[1]}" 8000
    grep -q 'sources removed to make room.*client=maintainer' "$WORLD/log/coordinator.log"
    push --force former
    [ "$status" -eq 0 ]
}
