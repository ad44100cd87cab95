#!/bin/bash
#
# What can be checked without running anything: who includes whom, purity of the cores, warnings of gcc
# and clang as errors, format, syntax of the scripts.  The last line is "lint: N passed, N failed".
#
set -uo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
passed=0 failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/lint.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

sources() {
    find coordinator agent proto common tests -name '*.[ch]' | sort
}

# NAME COMMAND...: the check holds if the command succeeds; what it prints is shown if not.
check() {
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        sed 's/^/        /' "$work/output"
    fi
}

# PATTERN ALLOWED: files whose path matches (there must be some) may include, in quotes, only what
# matches ALLOWED.
may_include() {
    sources | grep -E "^($1)" >"$work/files" || { echo "there is no file $1"; return 1; }
    { xargs grep -HnE '^#include "' <"$work/files" || true; } |
        awk -F'"' -v allowed="^($2)" '$2 !~ allowed { print; bad = 1 } END { exit bad }'
}

# Whom the modules of common know besides themselves and common/base: whoever is not here knows nobody.
# A pair that stands for one contract alone is named by its header.
common_knows='
git:      common/hash/
http:     common/registry/reference.h
keyfile:  common/json/ common/os/
net:      common/os/ proto/message.h
notary:   common/hash/ common/http/url.h common/keyfile/ common/os/ common/registry/
oci:      common/hash/ common/json/
pkg:      common/git/ common/json/ common/os/ common/registry/reference.h common/yaml/
registry: common/hash/ common/http/ common/json/ common/keyfile/ common/oci/ common/os/
source:   common/os/ proto/message.h
'

common_knows_few() {
    local dir allowed bad=0
    for dir in common/*/; do
        allowed=$(sed -n "s|^$(basename "$dir"): *||p" <<<"$common_knows")
        may_include "$dir" "$(echo $dir common/base/ $allowed | tr ' ' '|')" || bad=1
    done
    return $bad
}

# Adapters meet only in the composition root: each sees its core, the wire, common, and itself.  Two
# headers are plain contracts: the configuration's values, and the signer's interface.
adapters_are_apart() {
    local side=$1 dir bad=0
    for dir in "$side"/*/; do
        dir=${dir%/}
        [ "$dir" != "$side/core" ] || continue
        may_include "$dir/" "$dir/|$side/core/|proto/|common/|$side/config.h|coordinator/sign/signer.h" ||
            bad=1
    done
    return $bad
}

# Beside the composition root lie plain values and conversions, which know no adapter.
values_know_no_adapter() {
    may_include 'coordinator/config\.' 'coordinator/config.h|coordinator/core/|common/' &&
        may_include 'agent/(config|state|messages)\.' 'agent/[a-z_]+\.h|agent/core/|proto/|common/'
}

own_header_comes_first() {
    local file first bad=0
    for file in $(sources | grep '\.c$'); do
        [ -e "${file%.c}.h" ] || continue
        first=$(grep -m 1 '^#include' "$file")
        if [ "$first" != "#include \"${file%.c}.h\"" ]; then
            echo "$file: includes $first first"
            bad=1
        fi
    done
    return $bad
}

includes_are_paths_from_the_root() {
    sources | xargs grep -HoE '^#include "[^"]+"' | sed 's/:#include "\([^"]*\)"/ \1/' |
        while read -r file path; do
            [ -e "$path" ] || [[ $path == proto/*.pb.h ]] || echo "$file: $path"
        done >"$work/paths"
    cat "$work/paths"
    [ ! -s "$work/paths" ]
}

# What a pure program may ask of its library; everything else is the outside world.  free() is for the
# arena, which is made once by common/base.
pure_symbols='memcpy|memset|memmove|memcmp|memchr|strlen|strnlen|strcmp|strncmp|strchr|strrchr|free|qsort|bsearch
|snprintf|vsnprintf|__stack_chk_fail|__memcpy_chk|__memset_chk|__memmove_chk|__snprintf_chk
|__vsnprintf_chk|__strcpy_chk|_GLOBAL_OFFSET_TABLE_'

core_is_pure() {
    local core=$1 base=$build/lib/libbase.a
    { nm --defined-only "$core" "$base" | awk 'NF == 3 { print $3 }'
      tr -d '\n' <<<"$pure_symbols" | tr '|' '\n'; echo; } | sort -u >"$work/known"
    nm -A -u "$core" | awk '{ print $NF }' | sort -u >"$work/asked"
    comm -13 "$work/known" "$work/asked" >"$work/strange"
    [ ! -s "$work/strange" ] || nm -A -u "$core" | grep -wFf "$work/strange"
    [ -s "$core" ] && [ ! -s "$work/strange" ]
}

no_warning_from() {
    make --no-print-directory -k -j2 CC="$1" OUT="build/lint-$1" BIN="build/lint-$1/bin" \
        GEN="build/lint-$1/gen" CFLAGS=-Werror all tests >"$work/make" 2>&1 && return 0
    grep -vE '^  (cc|ld) ' "$work/make"
    return 1
}

is_formatted() {
    sources | xargs clang-format --dry-run -Werror >"$work/format" 2>&1 && return 0
    awk -F: '!/ error: / { next } { places[$1]++ } END { for (file in places) print file ": " places[file] " places" }' \
        "$work/format" | sort
    grep -q ' error: ' "$work/format" || cat "$work/format"
    return 1
}

scripts_parse() {
    local file bad=0 parsed=0
    for file in $(find . \( -name build -o -name .git \) -prune -o -type f -print | sort); do
        head -c 20 "$file" | grep -qaE '^#!/bin/(ba)?sh' || [[ $file == *.sh ]] || continue
        bash -n "$file" || bad=1
        parsed=$((parsed + 1))
    done
    return $((bad || parsed == 0))
}

nothing_is_left_for_later() {
    local status=0
    grep -rnIwE "$(printf 'TO%s|FIX%s|XX%s' DO ME X)" --exclude-dir=build --exclude-dir=.git \
        --include='*.'{c,h,sh,bats,bash,py,proto} --include=Makefile . || status=$?
    [ "$status" -eq 1 ]     # 1: nothing found; 2: could not look
}

longest_functions() {
    sources | grep '\.c$' | xargs awk '
        FNR == 1 { head = "" }
        /^[a-zA-Z_].*\(/ { head = $0; sub(/\(.*/, "", head); sub(/.*[ *]/, "", head) }
        /^{/ { start = FNR }
        /^}/ { if (start && head != "") print FNR - start - 1, FILENAME ": " head; start = 0; head = "" }
    ' | sort -rn | head -n 5
}

build=build/lint-gcc
check "common/base includes only common/base" may_include common/base/ common/base/
check "common's modules include only common/base and whom they are said to know" common_knows_few
check "proto includes only itself, common/base and the log" may_include proto/ 'proto/|common/base/|common/log/'
check "the coordinator's core includes only itself and common/base" \
    may_include coordinator/core/ 'coordinator/core/|common/base/'
check "the agent's core includes only itself and common/base" \
    may_include agent/core/ 'agent/core/|common/base/'
check "the coordinator's adapters do not include one another" adapters_are_apart coordinator
check "the agent's adapters do not include one another" adapters_are_apart agent
check "configuration, state and messages include no adapter" values_know_no_adapter
check "coordinator does not include agent" may_include coordinator/ 'coordinator/|proto/|common/'
check "agent does not include coordinator" may_include agent/ 'agent/|proto/|common/'
check "a source includes its own header first" own_header_comes_first
check "includes are paths from the root" includes_are_paths_from_the_root
check "gcc has no warning" no_warning_from gcc
check "clang has no warning" no_warning_from clang
check "the coordinator's core needs nothing from outside" core_is_pure $build/lib/libcore.a
check "the agent's core needs nothing from outside" core_is_pure $build/lib/libagentcore.a
check "clang-format has nothing to change" is_formatted
check "scripts parse" scripts_parse
check "nothing is left for later" nothing_is_left_for_later
echo "longest functions (lines):"
longest_functions | sed 's/^/        /'
echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
