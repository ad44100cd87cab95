#!/bin/bash
#
# The slower judges: all tests under AddressSanitizer and UBSan, the unit tests and pushes under ThreadSanitizer,
# the cores and the wire on a big-endian machine (s390x under qemu), the large worlds of tests/explore, the models,
# lint, the branches of both cores that the fast tests take, the tests in tests/deep, and a minute of chaos.  Each part
# ends with a line of its own; the last line is "N passed, N failed" over all.
#
#   tests/tools/check-deep.sh [lint|coverage|model|s390x|explore|tsan|builders|chaos|asan]...     default: all
#
set -uo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" -ne 0 ]; then
    exec sudo -- "$0" "$@"
fi
. tests/tools/debs.sh
passed=0 failed=0 skipped=0
work=build/logs/deep.$$
mkdir -p "$work"
child=

end_tree() {
    local pid children
    children=$(pgrep -P "$1")
    kill "$1" 2>/dev/null
    for pid in $children; do
        end_tree "$pid"
    done
}

finish() {
    [ -z "$child" ] || { end_tree "$child"; wait "$child"; }
    [ -z "${SUDO_UID-}" ] || chown -hR "$SUDO_UID:${SUDO_GID:-0}" build
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What failed is said once more at the end: a record of a long run is often only its tail.
keep_for_the_end() {
    echo "$1: $2 failed"
    { grep -E '^not ok |^FAILED |   FAILED$|^violation' "$3" || tail -n 20 "$3"; } | tail -n 40 | sed 's/^/    /'
} >>"$work/failures"

# NAME COMMAND...: adds what its last line counts; a command that counts nothing has failed once.
part() {
    local name=$1 log=$work/$1 good bad left_out started=$SECONDS
    shift
    echo "--- $name"
    { "$@" 2>&1 | tee "$log"; } &
    child=$!
    wait "$child"
    child=
    read -r good bad left_out < <(tail -n 1 "$log" |
        sed -nE 's/^(lint: )?([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\2 \3 \5/p')
    if [ -z "${good-}" ]; then
        good=0 bad=1
    fi
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + ${left_out:-0}))
    [ "$bad" -eq 0 ] || keep_for_the_end "$name" "$bad" "$log"
    echo "--- $name: $good passed, $bad failed, ${left_out:-0} skipped, $((SECONDS - started)) s"
}

quietly() {
    "$@" >"$work/make" 2>&1 && return 0
    grep -vE '^  (cc|ld) ' "$work/make"
    return 1
}

sanitized() {
    quietly make --no-print-directory -j2 CONFIG=asan all tests && CONFIG=asan tests/tools/check.sh
}

threads() {
    local tests
    quietly make --no-print-directory -j2 CONFIG=tsan all tests || return 1
    mapfile -t tests < <(find tests/unit -name 'test_*.c' | sort | sed 's|\(.*\)\.c|build/tsan/\1|')
    CONFIG=tsan TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/tests/tools/tsan.supp" \
        tests/tools/check.sh "${tests[@]}" tests/e2e/push.bats
}

# Big-endian: the libraries of that architecture are unpacked, not installed.
big=build/s390x
foreign=$CACHE/s390x

make_s390x() {
    make --no-print-directory -j2 CC=s390x-linux-gnu-gcc AR=s390x-linux-gnu-ar OUT=$big GEN=$big/gen \
        PKG_CFLAGS= PKG_LIBS= \
        CPPFLAGS="-isystem $foreign/usr/include -isystem $foreign/usr/include/nanopb" \
        LDFLAGS="-L$foreign/usr/lib/s390x-linux-gnu" "$@"
}

unpack_s390x() {
    local package packages="libcmocka-dev libcmocka0 libnanopb-dev"
    debs_fetch s390x $packages || return 1
    for package in $packages; do
        dpkg-deb -x "$DEBS/${package}_s390x.deb" "$foreign" || return 1
    done
}

# Unit tests that need nothing but the base, the wire, the facts' bytes, and what these stand on.
portable_unit_tests() {
    local source
    local headers='common/(base/|json/|log/|os/file|os/clock)|proto/|coordinator/store/journal\.h|tests/unit/message_'
    for source in tests/unit/test_*.c; do
        grep -E '^#include "' "$source" | grep -qvE "\"($headers)" || basename "$source" .c
    done
}

# Test binaries are run through a small script, so that no emulation need be registered.
wrap_s390x() {
    cat >"$2" <<END
#!/bin/sh
exec qemu-s390x-static -L /usr/s390x-linux-gnu \\
    -E LD_LIBRARY_PATH=$foreign/usr/lib/s390x-linux-gnu:/usr/s390x-linux-gnu/lib "$1" "\$@"
END
    chmod 755 "$2"
}

link_unit_s390x() {
    s390x-linux-gnu-gcc -pie -o "$big/tests/unit/$1" "$big/obj/tests/unit/$1.o" \
        "$big/lib/libportable.a" "$big/lib/libbase.a" \
        -L"$foreign/usr/lib/s390x-linux-gnu" -lcmocka -lprotobuf-nanopb
}

build_s390x() {
    local name source
    local portable=("$big"/obj/gen/proto/{lkcoord,facts}.pb.o) targets=()
    for source in proto/*.c common/log/*.c common/os/*.c common/json/*.c coordinator/store/journal.c; do
        portable+=("$big/obj/${source%.c}.o")
    done
    for name in "${units[@]}"; do targets+=("$big/obj/tests/unit/$name.o"); done
    for name in "${cores[@]}"; do targets+=("$big/tests/core/$name"); done
    targets+=("$big/tests/explore/explore")
    quietly make_s390x "${portable[@]}" "${targets[@]}" "$big/lib/libbase.a" || return 1
    rm -f "$big/lib/libportable.a"
    s390x-linux-gnu-ar rcs "$big/lib/libportable.a" "${portable[@]}" || return 1
    mkdir -p "$big/tests/unit"
    for name in "${units[@]}"; do
        quietly link_unit_s390x "$name" || return 1
    done
}

# What is explored there has the same states as here.
same_worlds() {
    local native=build/dev/tests/explore/explore worlds="'plain' 'a loss' 'a double' 'a crash'"
    quietly make --no-print-directory -j2 "$native" || return 1
    wrap_s390x "$big/tests/explore/explore" "$big/explore"
    cat >"$big/run/same_worlds" <<END
#!/bin/bash
set -o pipefail
$native $worlds >$big/worlds && $big/explore $worlds | diff $big/worlds - && echo "ok 1 - small worlds are the same ones"
END
    chmod 755 "$big/run/same_worlds"
}

big_endian() {
    local units cores name runs=()
    mapfile -t units < <(portable_unit_tests)
    mapfile -t cores < <(find tests/core -name 'test_*.c' -printf '%f\n' | sed 's/\.c$//' | sort)
    unpack_s390x && build_s390x || return 1
    mkdir -p "$big/run"
    rm -f "$big"/run/*
    for name in "${units[@]}"; do
        wrap_s390x "$big/tests/unit/$name" "$big/run/$name"
        runs+=("$big/run/$name")
    done
    for name in "${cores[@]}"; do
        wrap_s390x "$big/tests/core/$name" "$big/run/$name"
        runs+=("$big/run/$name")
    done
    same_worlds || return 1
    runs+=("$big/run/same_worlds")
    CONFIG=s390x tests/tools/check.sh "${runs[@]}"
}

large_worlds() {
    quietly make --no-print-directory -j2 CONFIG=release build/release/tests/explore/explore || return 1
    build/release/tests/explore/explore --all | tee "$work/worlds"
    echo "$(grep -c '^ok' "$work/worlds") passed, $(grep -c '^not ok' "$work/worlds") failed"
}

# Spin's models: every state of them, and their known-bad variants.
models() {
    quietly make --no-print-directory -j2 build/dev/tests/sim/sim && tests/model/run.sh models bad steps
}

# Builders that are not everybody's: as few people have them, the daily tests do without.
other_builders() {
    quietly make --no-print-directory -j2 all tests && tests/tools/check.sh tests/deep/*.bats
}

chaos() {
    quietly make --no-print-directory -j2 all && tests/e2e/chaos/run.sh 60
}

[ $# -gt 0 ] || set -- lint coverage model s390x explore tsan builders chaos asan
for name; do
    case $name in
    lint) part lint tests/tools/lint.sh ;;
    coverage) part coverage tests/tools/coverage.sh ;;
    explore) part explore large_worlds ;;
    s390x) part s390x big_endian ;;
    tsan) part tsan threads ;;
    builders) part builders other_builders ;;
    chaos) part chaos chaos ;;
    model) part model models ;;
    asan) part asan sanitized ;;
    *)
        echo "check-deep: there is no part $name" >&2
        exit 2
        ;;
    esac
done
summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary+=", $skipped skipped"
[ ! -e "$work/failures" ] || cat "$work/failures"
echo "$summary"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
