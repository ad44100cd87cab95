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
