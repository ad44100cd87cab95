#
# Sourced by the benches: a world of its own, times, medians, ratios.
#
#   bench_begin NAME ARCH...    a world with an agent for each ARCH; undone at the end, also after Ctrl-C; lines in
#                               bench_world_lines are added to its coordinator's configuration
#   bench_begin_alone NAME      just a directory for git repositories, for what asks nobody
#   bench_time NAME COMMAND...  how long the command takes goes to the times of NAME
#   bench_note NAME MS          or was measured otherwise
#   bench_median NAME           milliseconds
#   bench_ratio A B             A takes how many times as long as B: the median over the rounds
#   bench_table NAME...         the times of each, its median, smallest and largest
#   bench_peak_mb COMMAND...    the memory it has at most
#
# What is compared is interleaved (A B C A B C ...), so that a busy machine is busy for all of them.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../tools/world.sh"

ROUNDS=${ROUNDS:-5}
bench_world_lines=()

# A function in the background is a shell, with the command as its child.
bench_end_jobs() {
    local pid pids
    mapfile -t pids < <(jobs -p)
    for pid in "${pids[@]}"; do
        pkill -P "$pid" || true
        kill "$pid" 2>/dev/null || true
    done
    wait
}

bench_end() {
    trap '' INT TERM
    bench_end_jobs
    world_stop
    world_give_back_files
}

bench_begin() {
    local name=$1 arch
    shift
    WORLD=$ROOT/build/run/bench-$name.$$
    TIMES=$WORLD/times
    trap bench_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    world_start "${bench_world_lines[@]}"
    for arch; do
        world_agent "$arch-1" "$arch"
    done
    world_wait_agents $#
    mkdir -p "$TIMES"
    bench_enter_source
}

bench_begin_alone() {
    WORLD=$ROOT/build/run/bench-$1.$$
    TIMES=$WORLD/times
    trap 'rm -rf "$WORLD"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir -p "$WORLD/log" "$TIMES"
    bench_enter_source
}

bench_enter_source() {
    git init -q -b main "$WORLD/source"
    cd "$WORLD/source"
    printf '%s cores, load %s before, programs from %s\n' "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" \
        "${LK_BIN#"$ROOT/"}"
}

# NAME [LINE...]: a package from the Dockerfile on stdin; LINEs are added to its build.yml.
bench_package() {
    local name=$1
    shift
    mkdir -p "$name"
    cat >"$name/Dockerfile"
    printf '%s\n' "image: $name" "$@" >"$name/build.yml"
    bench_commit
}

bench_commit() {
    git add -A
    git -c user.name=bench -c user.email=bench@localhost commit -q -m packages
}

bench_now_us() {
    echo "${EPOCHREALTIME/[.,]/}"
}

bench_note() {
    echo "$2" >>"$TIMES/$1"
}

bench_time() {
    local name=$1 from to
    shift
    from=$(bench_now_us)
    "$@" >"$WORLD/log/$name.out" 2>&1 || {
        tail -n 30 "$WORLD/log/$name.out" >&2
        echo "$name could not be measured: the command failed; logs are in $WORLD/log" >&2
        return 1
    }
    to=$(bench_now_us)
    bench_note "$name" $(((to - from) / 1000))
}

bench_median() {
    sort -n "$TIMES/$1" | awk '{ t[NR] = $1 } END { print int((t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2) }'
}

# The median of the rounds' own ratios: what disturbed a round disturbed both.
bench_ratio() {
    paste "$TIMES/$1" "$TIMES/$2" | awk '{ print $1 / $2 }' | sort -n |
        awk '{ r[NR] = $1 } END { printf "%.2f", (r[int((NR + 1) / 2)] + r[int(NR / 2) + 1]) / 2 }'
}

bench_table() {
    local name
    for name; do
        printf '  %-14s median %6d ms, %d to %d: %s\n' "$name" "$(bench_median "$name")" \
            "$(sort -n "$TIMES/$name" | head -n 1)" "$(sort -n "$TIMES/$name" | tail -n 1)" \
            "$(paste -sd ' ' "$TIMES/$name")"
    done
}

bench_peak_mb() {
    /usr/bin/time -o "$WORLD/log/peak" -f %M "$@" >/dev/null
    awk '{ printf "%.1f", $1 / 1024 }' "$WORLD/log/peak"
}
