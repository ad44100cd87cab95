#!/bin/bash
#
# Lets each fuzz target look for input that breaks it, FUZZ_SECONDS (30) long, beginning with its corpus.  What it
# learns stays in build/fuzz/corpus; what breaks a target is put into build/fuzz/found, and belongs into
# tests/fuzz/corpus once it is understood.  The last line is "fuzz: N passed, N failed".
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

for name in "${names[@]}"; do
    mkdir -p "$out/corpus/$name"
    if "$out/tests/fuzz/fuzz_$name" -max_total_time="${FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=1024 \
        -max_len=65536 -artifact_prefix="$out/found/$name-" -print_final_stats=1 -verbosity=0 \
        "$out/corpus/$name" "tests/fuzz/corpus/$name" >"$out/$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log") inputs"
    else
        failed=$((failed + 1))
        echo "FAILED  $name: see $out/$name.log"
        tail -n 20 "$out/$name.log"
    fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
