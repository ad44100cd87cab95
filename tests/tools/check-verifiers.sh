#!/bin/bash
#
# Other people's verifiers judge what lkcoord publishes, untouched and attacked (tests/verifiers).  Those that Debian 12
# has not, or without sigstore, run in a Debian 13 that is unpacked below build/ once.  Says which they are; the last line
# is "N passed, N failed".
#
#   tests/tools/check-verifiers.sh [FILE...]
#
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" -ne 0 ]; then
    exec sudo --preserve-env=CONFIG,BIN -- "$0" "$@"
fi
. tests/tools/debian13.sh
debian13_need
debian13_versions | sed 's/^/  /'
[ $# -gt 0 ] || set -- tests/verifiers/*.bats
exec tests/tools/check.sh "$@"
