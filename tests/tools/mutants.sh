#!/bin/bash
#
# Breaks lkcoord in known ways, one at a time, in a copy of the tree, and sees whether a test notices.
#
#   tests/tools/mutants.sh [PATCH...]     default: tests/mutants/*.patch
#
# The first line of a patch says what it breaks.  One that does not apply or does not compile is an error, not a catch;
# those that do not apply are named before anything runs.  Each mutant stops at the first test that fails, and the
# quick tests come first.  The last line is "N of N mutants caught".
#
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
copy=$root/build/mutants.$$
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ $# -gt 0 ] || set -- tests/mutants/*.patch

rotten=0
for patch; do
    patch --dry-run -s -p0 <"$patch" >/dev/null 2>&1 && continue
    echo "$patch does not apply any more: break the same thing in today's code, and keep that as the patch"
    rotten=$((rotten + 1))
done
[ "$rotten" -eq 0 ] || exit 1

mkdir -p "$copy"
git ls-files -z | xargs -0 cp --parents -t "$copy"

unit_tests='journal journal_damage journal_snapshot journal_store store pump publisher coordinator coordinator_taken operations'

build() {
    local program programs=(build/dev/tests/sim/sim build/dev/tests/explore/explore)
    for program in tests/core/test_*.c; do
        programs+=("build/dev/${program%.c}")
    done
    for program in $unit_tests; do
        [ ! -e "tests/unit/test_$program.c" ] || programs+=("build/dev/tests/unit/test_$program")
    done
    make -j2 "${programs[@]}" >build.log 2>&1
}

# PROGRAM [ARGUMENT...]
passes() {
    timeout 300 "$@" >test.log 2>&1
}

# Quick ones first.  Prints the one that failed.
look_for_it() {
    local test sim=build/dev/tests/sim/sim
    for test in tests/core/test_*.c; do
        passes "build/dev/${test%.c}" || { basename "$test" .c; return; }
    done
    passes $sim --seeds 1-300 --faults 3 || { echo simulator; return; }
    passes $sim --scenario tests/scenarios/*.lks || { echo scenarios; return; }
    for test in $unit_tests; do
        [ ! -e "tests/unit/test_$test.c" ] || passes "build/dev/tests/unit/test_$test" || { echo "test_$test"; return; }
    done
    passes build/dev/tests/explore/explore || { echo explore; return; }
    passes $sim --seeds 301-2000 --faults 5 || { echo 'simulator, 2,000 seeds'; return; }
    make -j2 all >>build.log 2>&1
    passes bats -f '^201' tests/deep/registry-faults.bats || echo registry-faults.bats
}

cd "$copy" || exit 1
by=
if ! build; then
    by='the build'
else
    by=$(look_for_it)
fi
if [ -n "$by" ]; then
    tail -n 20 build.log test.log 2>/dev/null
    echo "without any mutant: $by fails"
    exit 1
fi

all=0 caught=0
for patch; do
    name=$(basename "$patch" .patch)
    all=$((all + 1))
    patch -s -p0 <"$root/$patch" || exit 1
    if ! build; then
        tail -n 20 build.log
        echo "$name: the patched tree does not compile"
        exit 1
    fi
    by=$(look_for_it)
    if [ -n "$by" ]; then
        caught=$((caught + 1))
        printf '%-40s caught by %s\n' "$name" "$by"
    else
        printf '%-40s NOT CAUGHT: %s\n' "$name" "$(head -n 1 "$root/$patch")"
    fi
    patch -s -R -p0 <"$root/$patch" || exit 1
    find . -name '*.orig' -delete
done
echo "$caught of $all mutants caught"
[ "$caught" -eq "$all" ]
