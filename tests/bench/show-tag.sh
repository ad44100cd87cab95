#!/bin/bash
#
# `lkcoord show-tag` for 42 packages of a repository with 10,000 files, against a shell loop that asks git
# for the same hashes.
#
. "$(dirname "$0")/bench.sh"

echo "== show-tag: 42 packages in a repository of 10,000 files"
WORLD=$ROOT/build/run/bench-show-tag.$$
TIMES=$WORLD/times
trap 'rm -rf "$WORLD"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$WORLD/log" "$TIMES" "$WORLD/source"
cd "$WORLD/source"
git init -q -b main .
for ((directory = 0; directory < 100; directory++)); do
    mkdir -p "other/$directory"
    for ((file = 0; file < 98; file++)); do
        echo "$directory/$file" >"other/$directory/$file"
    done
done
packages=()
for ((package = 0; package < 42; package++)); do
    mkdir -p "pkg/p$package"
    echo "image: p$package" >"pkg/p$package/build.yml"
    echo "FROM scratch" >"pkg/p$package/Dockerfile"
    packages+=("pkg/p$package")
done
git add -A
git -c user.name=bench -c user.email=bench@localhost commit -q -m packages

ask_git() {
    local package
    for package in "${packages[@]}"; do
        git ls-tree --full-tree HEAD -- "$package"
    done
}

printf '%s cores, load %s before, programs from %s\n' "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" \
    "${LK_BIN#"$ROOT/"}"
for ((round = 0; round < 4 * ROUNDS; round++)); do
    bench_time show-tag lkcoord show-tag --org bench "${packages[@]}"
    bench_time git-ls-tree ask_git
done
bench_table show-tag git-ls-tree
echo "  show-tag / git-ls-tree $(bench_ratio show-tag git-ls-tree)  (show-tag also looks for changes in the working tree)"
