#!/bin/bash
#
# `lkcoord show-tag` for a package of 30 MB in 2,500 files with uncommitted changes, whose tag is made of all
# their contents, against `git status` and reading the files.
#
. "$(dirname "$0")/bench.sh"

echo "== show-tag: one dirty package, 30 MB in 2,500 files"
bench_begin_alone dirty
for ((directory = 0; directory < 50; directory++)); do
    mkdir -p "large/$directory"
    head -c $((50 * 12583)) /dev/urandom | split -b 12583 -d - "large/$directory/file"
done
echo "image: large" >large/build.yml
echo "FROM scratch" >large/Dockerfile
bench_commit
echo "changed" >>large/7/file07
echo "new" >large/new

ask_git() {
    git status
    { git ls-files -z && git ls-files -z --others --exclude-standard; } | xargs -0 cat >/dev/null
}

for ((round = 0; round < 4 * ROUNDS; round++)); do
    bench_time show-tag lkcoord show-tag --org bench large
    bench_time git-and-cat ask_git
done
bench_table show-tag git-and-cat
echo "  show-tag / git-and-cat $(bench_ratio show-tag git-and-cat), aim: at most 1.5"
echo "  memory: $(bench_peak_mb lkcoord show-tag --org bench large) MB, aim: under 40"
