#!/bin/bash
#
# Runs tests, two at a time, and counts them; prints what the failed ones said.  A crash, a time-out
# and a file without tests count as failed.  The last line is "N passed, N failed"; ", N skipped" follows
# if any were.
#
#   tests/tools/check.sh [FILE...]     default: all unit, core and end-to-end tests, the scenarios,
#                                      the small worlds of tests/explore, and the fuzz targets
#                                      over their corpora
#
# CONFIG chooses the build that is tested, as in the Makefile.
#
set -uo pipefail
cd "$(dirname "$0")/../.."
export CONFIG=${CONFIG:-dev}
export out=build/$CONFIG/tests

# The end-to-end tests run builders, which need root.
if [ "$(id -u)" -ne 0 ]; then
    exec sudo --preserve-env=CONFIG,BIN -- "$0" "$@"
fi
. tests/tools/world.sh

logs=build/logs/check-$CONFIG.$$
export LK_WORLDS=$PWD/build/run/check.$$
mkdir -p "$logs" "$LK_WORLDS"
runner=

# Whatever a killed test left behind is found by its files.
finish() {
    trap '' INT TERM
    if [ -n "$runner" ]; then
        pkill -TERM -s "$runner"
        wait "$runner"
        pkill -KILL -s "$runner"
    fi
    for world in "$LK_WORLDS"/*/; do
        [ ! -d "$world" ] || WORLD=${world%/} world_stop
    done
    find "$LK_WORLDS" -type d -empty -delete 2>/dev/null
    world_give_back_files
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# FILE NAME: leaves LOGS/NAME.tap (results), NAME.err and NAME.status.
run_one() {
    local file=$1 log=$2 status=0 started=$SECONDS
    case $file in
    *.bats) timeout -k 20 900 bats --tap "$file" ;;
    */sim) timeout -k 5 300 "./$file" --seeds 1-2000 --faults 2 && echo 'ok 1 - seeds 1-2000' ;;
    */scenarios) timeout -k 5 300 "$out/sim/sim" --scenario "$file"/*.lks ;;
    *) CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 120 "./$file" ;;
    esac >"$log.tap" 2>"$log.err" </dev/null || status=$?
    echo "$status" >"$log.status"
    printf '%-40s %3s ok  %4s s%s\n' "$file" "$(grep '^ok ' "$log.tap" | grep -vciE "$skip")" \
        $((SECONDS - started)) "$([ "$status" = 0 ] || echo '   FAILED')"
}
export -f run_one
export skip='# skip( |$)'

# Sets `good`, `bad` and `left_out` for one file that was run.
judge() {
    local log=$1 planned status
    status=$(cat "$log.status" 2>/dev/null || echo 'never ended')
    left_out=$(grep -E '^(not )?ok ' "$log.tap" | grep -ciE "$skip")
    good=$(grep '^ok ' "$log.tap" | grep -vciE "$skip")
    bad=$(grep '^not ok ' "$log.tap" | grep -vciE "$skip")
    planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log.tap" | head -n 1)
    [ "$((good + bad + left_out))" -ge "${planned:-0}" ] || bad=$((planned - good - left_out))
    if [ "$bad" -eq 0 ] && { [ "$status" != 0 ] || [ "$((good + left_out))" -eq 0 ]; }; then
        bad=1
    fi
    [ "$bad" -gt 0 ] || return 0
    echo "=== $file: $good ok, $bad failed, exit status $status"
    cat "$log.tap" "$log.err"
}

# Binaries of tests that are no longer in the tree are not run.
all_tests() {
    local kind source
    for kind in unit core fuzz; do
        for source in tests/$kind/test_*.c tests/$kind/fuzz_*.c; do
            [ ! -e "$source" ] || echo "$out/$kind/$(basename "$source" .c)"
        done
    done
    echo "$out/sim/sim"
    echo tests/scenarios
    echo "$out/explore/explore"
    for source in tests/e2e/*.bats; do
        [ ! -e "$source" ] || echo "$source"
    done
}

if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(all_tests); fi
name_of() {
    tr / - <<<"$1"
}

for file in "${files[@]}"; do
    printf '%s\0%s\0' "$file" "$logs/$(name_of "$file")"
done >"$logs/list"
setsid xargs -0 -n 2 -P 2 -a "$logs/list" bash -c 'run_one "$0" "$1"' &
runner=$!
wait "$runner"
runner=

passed=0 failed=0 skipped=0
for file in "${files[@]}"; do
    judge "$logs/$(name_of "$file")"
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left_out))
    [ "$left_out" -eq 0 ] || grep -hiE "^(not )?ok .*$skip" "$logs/$(name_of "$file").tap"
done
summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary+=", $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
