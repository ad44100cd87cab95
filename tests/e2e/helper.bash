#
# Loaded by every .bats file: one world a file, packages of its own.

bats_require_minimum_version 1.5.0
. "$BATS_TEST_DIRNAME/../tools/world.sh"

# A world is found and ended by check.sh even if this file's process is killed.
use_world() {
    WORLD=${LK_WORLDS:-$ROOT/build/run/bats}/$(basename "$BATS_TEST_FILENAME" .bats).$$
    export WORLD
}

start_world() {
    use_world
    world_start "$@"
    git init -q -b main "$WORLD/source"
}

# ARCH...: one agent each, and waits for them.
start_agents() {
    local arch
    for arch; do world_agent "$arch-1" "$arch"; done
    world_wait_agents $#
}

setup() {
    world_load
    cd "$WORLD/source"
}

# A daemon that a sanitizer ends, perhaps only in its last moment, fails the file.
teardown_file() {
    world_stop
    ! grep -E 'Sanitizer: |\.[ch]:[0-9]+:[0-9]+: runtime error: ' "$WORLD"/log/* >&3
}

commit_all() {
    git add -A
    git -c user.name=test -c user.email=test@localhost commit -q -m packages
}

# NAME [LINE...]: a package from the Dockerfile on stdin; LINEs are added to its build.yml.
new_package() {
    local name=$1 line
    mkdir -p "$WORLD/source/$name"
    cat >"$WORLD/source/$name/Dockerfile"
    { echo "image: $name"; for line in "${@:2}"; do echo "$line"; done; } \
        >"$WORLD/source/$name/build.yml"
    (cd "$WORLD/source" && commit_all)
}

# The quickest package there is: no RUN step.
new_small_package() {
    local name=$1
    shift
    new_package "$name" "$@" <<END
FROM base.lkcoord.example/busybox:1
COPY build.yml /$name.yml
CMD ["/bin/uname", "-m"]
END
}

# ARGUMENT...: pushes; the published references are left in $published, all words in $output.
push() {
    local log=$WORLD/log/push.$BATS_TEST_NUMBER
    status=0
    timeout -k 5 "${LK_PUSH_SECONDS:-120}" lkcoord push --allow-emulation --org "$REGISTRY/demo" "$@" >"$log.out" 2>"$log.err" || status=$?
    output=$(cat "$log.err" "$log.out")
    published=$(grep -E '@sha256:[0-9a-f]{64}$' "$log.out" || true)
    echo "$output"
}

repository_of() {
    local tagged=${1%@*}
    echo "${tagged%:*}"
}

tag_of() {
    local tagged=${1%@*}
    echo "${tagged##*:}"
}

# REFERENCE@DIGEST or REFERENCE: the bytes that the registry has for it.
raw() {
    local reference=$1
    [[ $reference != *@* ]] || reference=$(repository_of "$1")@${1#*@}
    skopeo inspect --raw --tls-verify=false "docker://$reference"
}

arches_of() {
    raw "$1" | jq -r '.manifests[].platform.architecture' | paste -sd ' '
}

# KEY-LINE...: the coordinator with another `signing`, and two agents.
sign_with() {
    world_kill coordinator
    sed -i '/^signing:/,/^[^ ]/{/^ /d;/^signing:/d}' "$WORLD/lkcoordd.yml"
    { echo "signing:"; printf '  %s\n' "$@"; } >>"$WORLD/lkcoordd.yml"
    world_coordinator
    world_wait_agents 2
}

# MODE COUNT REFERENCE...: fails unless the requests of COUNT architectures, of all references together,
# came one architecture after the other.
requests_are_in_turn() {
    local runs
    runs=$("$ROOT/tests/tools/access.py" "$1" "$WORLD/registry/access.log" "${@:3}")
    echo "$runs"
    [ "$(wc -l <<<"$runs")" -eq "$2" ] && [ -z "$(sort <<<"$runs" | uniq -d)" ]
}
