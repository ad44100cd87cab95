#!/bin/bash
#
# Every bench, one after the other; with arguments only these (whole-push, publish, signing, no-op, show-tag, dirty, restart,
# agents).
# ROUNDS=N is how often each thing is measured (5).  Ends with a failure only if something could not be
# measured: a number is judged by whoever reads it.
#
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
deploy/install-deps.sh || exit 1
if [ "$(id -u)" -ne 0 ]; then
    echo "building images needs root: calling sudo"
    exec sudo --preserve-env=CONFIG,BIN,ROUNDS -- "tests/bench/run.sh" "$@"
fi
[ $# -gt 0 ] || set -- whole-push publish signing no-op show-tag dirty restart agents
failed=0
for name; do
    "tests/bench/$name.sh" || failed=1
done
exit $failed
