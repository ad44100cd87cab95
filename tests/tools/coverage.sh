#!/bin/bash
#
# Which branches of both cores do the fast tests take?  Builds with CONFIG=cov, runs the core tests, the seeds of
# `make check`, the scenarios and the small worlds of tests/explore, and prints what coverage.py finds: it must be all,
# but for what is explained in place.
#
set -uo pipefail
cd "$(dirname "$0")/../.."
out=build/cov
log=build/logs/coverage.$$
mkdir -p build/logs
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What is red is said, and the figures all the same.
status=0
run() {
    "$@" >"$log" 2>&1 && return 0
    grep -vE '^(  (cc|ld) |ok )' "$log"
    echo "coverage: this failed: ${*:1:3}"
    status=1
}

tests=()
for source in tests/core/test_*.c; do
    tests+=("$out/${source%.c}")
done
run make --no-print-directory -j2 CONFIG=cov "${tests[@]}" $out/tests/sim/sim $out/tests/explore/explore
[ $status -eq 0 ] || exit 1
find $out/obj -name '*.gcda' -delete
for test in "${tests[@]}"; do
    run "$test"
done
run $out/tests/sim/sim --seeds 1-2000 --faults 2
run $out/tests/sim/sim --scenario tests/scenarios/*.lks
run $out/tests/explore/explore
tests/tools/coverage.py $out/obj || exit 1
[ $status -eq 0 ] || echo '0 passed, 1 failed'
exit $status
