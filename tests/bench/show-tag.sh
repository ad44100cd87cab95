#!/bin/bash
#
# `lkcoord show-tag` and `lkcoord plan` for 42 packages of a repository with 10,000 files, against a shell loop
# that asks git for the same hashes.
#
. "$(dirname "$0")/bench.sh"

echo "== show-tag and plan: 42 packages in a repository of 10,000 files"
bench_begin_alone show-tag
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
bench_commit

ask_git() {
    local package
    for package in "${packages[@]}"; do
        git ls-tree --full-tree HEAD -- "$package"
    done
}

show_tag=(lkcoord show-tag --org bench "${packages[@]}")
plan=(lkcoord plan --offline --org bench "${packages[@]}")
for ((round = 0; round < 4 * ROUNDS; round++)); do
    bench_time show-tag "${show_tag[@]}"
    bench_time plan "${plan[@]}"
    bench_time git-ls-tree ask_git
done
bench_table show-tag plan git-ls-tree
echo "  show-tag / git-ls-tree $(bench_ratio show-tag git-ls-tree), aim: at most 0.25  (it also looks for changes in the work tree)"
echo "  plan / git-ls-tree $(bench_ratio plan git-ls-tree), aim: at most 0.5"
echo "  memory: show-tag $(bench_peak_mb "${show_tag[@]}") MB, plan $(bench_peak_mb "${plan[@]}") MB, aim: under 40"
