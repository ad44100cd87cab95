#!/bin/bash
#
# Lets each fuzz target look for input that breaks it, FUZZ_SECONDS (30) long, beginning with its corpus.  With
# FUZZ_SLICE it ends earlier: where two slices of so many seconds in a row brought no new edge.  What it learns stays
# in build/fuzz/corpus; what breaks a target is put into build/fuzz/found, and belongs into tests/fuzz/corpus once it
# is understood.  The last line is "fuzz: N passed, N failed".
#
#   tests/tools/fuzz.sh [NAME...]     default: all; `make fuzz` builds them
#
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-build/fuzz}
passed=0 failed=0
trap 'exit 130' INT
trap 'exit 143' TERM

if [ $# -gt 0 ]; then names=("$@"); else
    mapfile -t names < <(find tests/fuzz -name 'fuzz_*.c' | sort | sed 's|.*/fuzz_\(.*\)\.c|\1|')
fi

# libgit2 1.5 loses a little of pcre2's memory.
export LSAN_OPTIONS=suppressions=$PWD/$out/lsan.supp:print_suppressions=0
mkdir -p "$out/found"
echo leak:libpcre2 >"$out/lsan.supp"

# Prints edges and inputs of one slice.
slice() {
    "$out/tests/fuzz/fuzz_$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
        -artifact_prefix="$out/found/$1-" -print_final_stats=1 "$out/corpus/$1" "tests/fuzz/corpus/$1" \
        >"$out/$1.log" 2>&1 || return
    sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$out/$1.log"
    sed -n 's/^stat::number_of_executed_units: *//p' "$out/$1.log"
}

run() {
    local total=${FUZZ_SECONDS:-30} edges=0 inputs=0 quiet=0 spent=0 step=${FUZZ_SLICE:-}
    local found
    while [ "$spent" -lt "$total" ] && [ "$quiet" -lt 2 ]; do
        found=$(slice "$1" "${step:-$total}") || return
        spent=$((spent + ${step:-$total})) inputs=$((inputs + ${found#*$'\n'}))
        if [ "${found%%$'\n'*}" -gt "$edges" ]; then quiet=0; else quiet=$((quiet + 1)); fi
        edges=${found%%$'\n'*}
    done
    echo "ok      $1: $inputs inputs, $edges edges, $spent s$([ "$quiet" -lt 2 ] || echo ', flat')"
}

for name in "${names[@]}"; do
    mkdir -p "$out/corpus/$name"
    if run "$name"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED  $name: see $out/$name.log"
        tail -n 20 "$out/$name.log"
    fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
