# Bad input of every kind: what is said of it, and where, and what to do; nothing is published, nothing
# is lost, and whoever comes next is served.

load helper

setup_file() {
    start_world
    start_agents amd64
}

setup() {
    world_load
    # No configuration of git's that trusts whatever it meets.
    export HOME=$WORLD/home
    mkdir -p "$HOME"
}

# Each row: a name, the exit code that is expected, and what has to be said.  The name's `input_` function
# makes the package in the current directory, the top of a git repository of its own.
check_rows() {
    local name code words
    while read -r name code words; do
        check_row "$name" "$code" "$words"
    done
}

check_row() {
    local name=$1 code=$2 words=$3
    mkdir -p "$BATS_TEST_TMPDIR/$name"
    cd "$BATS_TEST_TMPDIR/$name"
    git init -q -b main .
    package "$name"
    "input_$name"
    run timeout 20 lkcoord push --timeout 10 --org "$REGISTRY/demo" .
    says "$name" "$code" "$words"
    run ! is_published "$name"
}

# NAME CODE WORDS: what was run last ended so, and said so.  All of it is kept in messages.log, to be read.
says() {
    echo "--- $1: exit $status (expected $2), words expected: $3" | tee -a "$WORLD/log/messages.log"
    echo "$output" | tee -a "$WORLD/log/messages.log"
    [ "$status" -eq "$2" ]
    grep -qE -- "$3" <<<"$output"
}

# NAME: a good one; what an input_ function does to it makes it bad.
package() {
    printf 'image: %s\narches: [amd64]\n' "$1" >build.yml
    printf 'FROM base.lkcoord.example/busybox:1\nCOPY build.yml /%s.yml\n' "$1" >Dockerfile
    commit_all
}

is_published() {
    curl -sf "http://$REGISTRY/v2/demo/$1/tags/list" | grep -q '"tags":\["'
}

# What every fault has to leave as it was.
is_served() {
    mkdir "$BATS_TEST_TMPDIR/served"
    cd "$BATS_TEST_TMPDIR/served"
    git init -q -b main .
    package "served-$BATS_TEST_NUMBER"
    push .
    [ "$status" -eq 0 ]
    is_published "served-$BATS_TEST_NUMBER"
}

# ---- the repository ----

input_nogit() { rm -rf .git; }
input_owned() { chown -R 65534 .; }
input_changed() { echo '# more' >>Dockerfile; }
input_untracked() { touch stray; }
input_unborn() { rm -rf .git; git init -q .; }
input_bare() { git config core.bare true; }
input_norepo() { rm -rf .git/HEAD; }

@test "a package that is not committed in a git repository of ours" {
    check_rows <<'END'
nogit      2 is not in a git repository
owned      5 dubious ownership in the git repository at .*/owned.* git config --global --add safe.directory .*/owned$
changed    5 uncommitted changes in \. \(for example Dockerfile\); commit them first
untracked  5 uncommitted changes in \. \(for example stray\); commit them first
unborn     2 the git repository at .*/unborn has no commit yet; commit the package first
bare       2 is bare: a package needs a work tree
norepo     2 is not in a git repository
END
    run lkcoord push "$BATS_TEST_TMPDIR/absent"
    says absent 2 "$BATS_TEST_TMPDIR/absent: there is no build.yml in it"
}

# ---- build.yml ----

build_yml() { cat >build.yml; commit_all; }

input_missing() { git rm -q build.yml; commit_all; }
input_empty() { build_yml </dev/null; }
input_unknown() { build_yml <<<$'image: unknown\narchs: [amd64]'; }
input_source() { build_yml <<<$'image: source\nextra-sources: [a]'; }
input_type() { build_yml <<<$'image: type\nnetwork: maybe'; }
input_list() { build_yml <<<$'image: list\narches: amd64'; }
input_arch() { build_yml <<<$'image: arch\narches: [x86_64]'; }
input_scalar() { build_yml <<<'image'; }
input_huge() { { echo 'image: huge'; head -c 1M /dev/zero | tr '\0' '#'; } | build_yml; }
input_deep() { { printf 'image: '; printf '[%.0s' {1..10000}; } | build_yml; }
input_latin() { printf 'image: caf\xe9\n' | build_yml; }
input_twice() { build_yml <<<$'image: twice\nimage: thrice'; }
input_outside() { build_yml <<<$'image: outside\ndockerfile: ../Dockerfile'; }
input_link() { rm build.yml; ln -s /dev/zero build.yml; commit_all; }

input_bomb() {
    local c previous=a
    {
        echo 'a: &a [x,x,x,x,x,x,x,x,x]'
        for c in {b..i}; do
            printf '%s: &%s [' $c $c
            printf "*$previous,%.0s" {1..9}
            echo ']'
            previous=$c
        done
    } | build_yml
}

@test "build.yml: the line and what it should be" {
    check_rows <<'END'
missing  2 there is no build.yml in it
empty    2 build.yml: .*'image' is required
unknown  2 build.yml:2: unknown field 'archs'; did you mean 'arches'
source   2 build.yml: extra source 'a': expected SOURCE:DESTINATION, with one colon
type     2 build.yml:2: network: expected true or false, found 'maybe'
list     2 build.yml:2: arches: expected a list
arch     2 build.yml:2: arches: 'x86_64' is not an architecture's name as Go writes it \(amd64, arm64
scalar   2 build.yml:1: expected a mapping
huge     5 build.yml is larger than 65536 bytes
deep     5 build.yml:1: nested deeper than 16
latin    2 build.yml: not UTF-8
twice    2 build.yml:2: duplicate key 'image': it is on line 1
outside  2 build.yml:2: dockerfile: '../Dockerfile' must be a path below the package
link     5 build.yml is larger than 65536 bytes
bomb     5 build.yml:[0-9]*: more than 8192 values
END
}

# ---- the tree ----

input_nodockerfile() { git rm -q Dockerfile; commit_all; }
input_failing() { echo 'RUN false' >>Dockerfile; commit_all; }
input_nonsense() { echo 'NONSENSE' >>Dockerfile; commit_all; }

# MODE NAME OBJECT: into the commit, whatever the work tree can hold.
enter() {
    git -c core.protectNTFS=false -c core.protectHFS=false update-index --add --cacheinfo "$1,$3,$2"
    git -c user.name=test -c user.email=test@localhost commit -q -m entry
}

input_submodule() {
    mkdir -p a/b
    git init -q a/b/part
    (cd a/b/part && echo x >x && commit_all)
    enter 160000 a/b/part "$(git -C a/b/part rev-parse HEAD)"
}

input_twins() {
    mkdir -p a/b
    echo a >a/b/twin
    echo b >a/b/Twin
    commit_all
}

# git itself would not enter it; a forger writes the object.  (What the coordinator and agents say of one is in
# tests/unit/test_transfer.c: from here none gets to them.)
input_dotgit() {
    local entry tree commit
    entry=$(git rev-parse HEAD:build.yml)
    tree=$({ git ls-tree HEAD; printf '100644 blob %s\t.git\n' "$entry"; } | git mktree)
    commit=$(git -c user.name=test -c user.email=test@localhost commit-tree -m forged "$tree")
    git update-ref HEAD "$commit"
}

@test "a tree that cannot be built: the file and why" {
    check_rows <<'END'
nodockerfile  2 git has no Dockerfile in it
failing       1 failed
nonsense      1 failed
submodule     5 a/b: .*"part" which is a git submodule
twins         5 a/b: .*both "Twin" and "twin" in one directory: some file systems take them for the same; rename one
dotgit        2 git has an entry named .git, which no checkout can have
END
}

@test "ten thousand files are built in reasonable time" {
    local started
    mkdir "$BATS_TEST_TMPDIR/many"
    cd "$BATS_TEST_TMPDIR/many"
    git init -q -b main .
    seq 10000 | split -l 1 -a 4 - file
    package many
    started=$SECONDS
    push .
    [ "$status" -eq 0 ]
    echo "took $((SECONDS - started)) s" | tee -a "$WORLD/log/messages.log"
    [ $((SECONDS - started)) -lt 60 ]
}

# NAME BYTES: a file in the commit of which git has nothing but the first bytes, as all of it would take long.
enter_large() {
    local id
    id=$(/usr/bin/python3 - "$2" <<'END'
import hashlib, os, sys, zlib
head = b"blob %d\0" % int(sys.argv[1])
name = hashlib.sha1(head).hexdigest()
os.makedirs(".git/objects/" + name[:2], exist_ok=True)
open(f".git/objects/{name[:2]}/{name[2:]}", "wb").write(zlib.compress(head + bytes(4096)))
print(name)
END
)
    truncate -s "$2" "$1"
    git update-index --add --cacheinfo "100644,$id,$1"
    git update-index --assume-unchanged "$1"
    git -c user.name=test -c user.email=test@localhost commit -q -m large
}

input_large() {
    mkdir disks
    enter_large disks/image.raw 3221225472
}

@test "a file of 3 GB is refused by its name" {
    check_rows <<'END'
large  5 \.: the file disks/image.raw is larger than 1024 MiB, the most allowed; leave it out
END
    lkcoord status --all | tail -n 1 | grep -w cancelled
}

# ---- nobody to build it ----

@test "an architecture that no agent serves waits with the reason, and --timeout ends it with 4" {
    mkdir "$BATS_TEST_TMPDIR/lonely"
    cd "$BATS_TEST_TMPDIR/lonely"
    git init -q -b main .
    package lonely
    printf 'image: lonely\narches: [amd64, riscv64]\n' >build.yml
    commit_all
    local started=$SECONDS
    run lkcoord push --timeout 3 --org "$REGISTRY/demo" .
    says lonely 4 'riscv64: no connected agent builds for riscv64'
    [ $((SECONDS - started)) -lt 8 ]
    grep -q 'was not done after --timeout 3 and is cancelled' <<<"$output"
    run ! raw "$(lkcoord show-tag --org "$REGISTRY/demo" .)"
    unset COSIGN_PASSWORD # or a line says that it is not used
    run lkcoord push --detach --timeout 3 --org "$REGISTRY/demo" .
    run lkcoord watch "$output"
    says left-alone 4 'was not done after --timeout 3 and is cancelled: riscv64: no connected agent builds'
    lkcoord status | tee -a "$WORLD/log/messages.log"
    run lkcoord push --timeout soon .
    says soon 2 '--timeout soon: expected a number of seconds from 1'
    printf 'image: lonely\narches: [amd64]\n' >build.yml
    commit_all
    run lkcoord build --timeout 60 --org "$REGISTRY/demo" .
    says built 0 lonely
}

# ---- keys ----

# SED-SCRIPT: the client's configuration, spoilt.
client_config() {
    sed "$1" "$WORLD/config.yml" >"$BATS_TEST_TMPDIR/config.yml"
}

# NAME CODE SCRIPT WORDS
check_client() {
    local started=$SECONDS
    client_config "$3"
    run timeout 20 lkcoord agents --config "$BATS_TEST_TMPDIR/config.yml"
    says "$1" "$2" "$4"
    # Five, and what a busy machine adds.
    [ $((SECONDS - started)) -le 8 ]
}

@test "a key that is wrong or missing is told within seconds" {
    local dir=$BATS_TEST_TMPDIR
    lkcoord keys new --directory "$dir" stranger
    cp "$dir/stranger.key" "$dir/open.key"
    chmod 644 "$dir/open.key"
    echo nonsense >"$dir/nonsense.key"
    chmod 600 "$dir/nonsense.key"
    check_client stranger 5 "s|^key:.*|key: $dir/stranger.key|" 'does not know our key; have its administrator add'
    check_client wrong-server 5 "s|^coordinator-key:.*|coordinator-key: $dir/stranger.pub|" \
        "coordinator-key in $dir/config.yml .* is not its public key"
    check_client no-file 2 "s|^key:.*|key: $dir/absent.key|" "config.yml: key \(.*: opening $dir/absent.key: No such file"
    check_client no-server-file 2 "s|^coordinator-key:.*|coordinator-key: $dir/absent.pub|" "opening $dir/absent.pub"
    check_client readable 5 "s|^key:.*|key: $dir/open.key|" "others can reach it; chmod 600 $dir/open.key"
    check_client nonsense 2 "s|^key:.*|key: $dir/nonsense.key|" 'is not a CURVE secret key file'
    check_client closed 4 's|^coordinator:.*|coordinator: tcp://127.0.0.1:9|' \
        'no coordinator answered at tcp://127.0.0.1:9 within 5 s \((connection refused|no connection)\); is lkcoordd running there'
}

# ---- configuration ----

# NAME CODE PROGRAM FILE SED-SCRIPT WORDS: a daemon that does not start.
check_daemon() {
    sed "$5" "$WORLD/$4" >"$BATS_TEST_TMPDIR/$4"
    run timeout 20 "$3" --config "$BATS_TEST_TMPDIR/$4"
    says "$1" "$2" "$6"
}

@test "broken configuration: file, line, key and what is allowed" {
    check_client typo 2 's|^coordinator:|coordinater:|' "config.yml:1: unknown field 'coordinater'; did you mean 'coordinator'"
    check_client foreign 2 's|^coordinator:|colour:|' "config.yml:1: unknown field 'colour'; known are coordinator, coordinator-key, key"
    check_client scheme 2 's|tcp://|http://|' 'config.yml:1: coordinator: expected tcp://HOST:PORT or ipc://PATH, found "http://'
    check_client lacking 2 '/^key:/d' 'config.yml: the line "key: ..." is missing'
    check_client map 2 's|^key:.*|key: [a]|' 'config.yml:3: key: expected text, found a list'

    check_daemon typo 2 lkcoordd lkcoordd.yml 's|^state:|stat:|' "lkcoordd.yml:4: unknown field 'stat'; did you mean 'state'"
    check_daemon lacking 2 lkcoordd lkcoordd.yml '/^state:/d' 'lkcoordd.yml:1: state: is missing'
    check_daemon number 2 lkcoordd lkcoordd.yml '$alease-ms: soon' \
        "lkcoordd.yml:[0-9]*: lease-ms: expected a number from 1000 to 86400000, found 'soon'"
    check_daemon stage 2 lkcoordd lkcoordd.yml '$apublish: {stage: never}' \
        'lkcoordd.yml:[0-9]*: stage: expected parallel or in-turn, found .never'
    check_daemon keyfile 2 lkcoordd lkcoordd.yml 's|maintainer.pub|absent.pub|' \
        'lkcoordd.yml:[0-9]*: clients: maintainer: .*absent.pub'
    check_daemon endpoint 2 lkcoordd lkcoordd.yml 's|^agents-endpoint:.*|agents-endpoint: nowhere|' \
        "lkcoordd.yml:1: agents-endpoint: expected tcp://ADDRESS:PORT or ipc://PATH, found 'nowhere'"

    check_daemon typo 2 lkagentd amd64-1.yml 's|^slots:|slot:|' "amd64-1.yml:5: unknown field 'slot'; did you mean 'slots'"
    check_daemon lacking 2 lkagentd amd64-1.yml '/^key:/d' "amd64-1.yml:1: key: is missing: the path of this agent's .key file"
    check_daemon number 2 lkagentd amd64-1.yml 's|^slots:.*|slots: 1000|' 'amd64-1.yml:5: slots: expected a number from 1 to [0-9]*, found .1000'
    check_daemon builder 2 lkagentd amd64-1.yml 's|^builder:.*|builder: make|' 'amd64-1.yml:7: builder: must be buildah, docker or podman, found "make"'
    check_daemon arch 2 lkagentd amd64-1.yml 's|^arches:.*|arches: [AMD 64]|' 'amd64-1.yml:6: arches: must be GOARCH names .*, found "AMD 64"'
}

@test "a second coordinator, or agent, on the same state is turned away" {
    run timeout 20 lkcoordd --config "$WORLD/lkcoordd.yml"
    says second-coordinator 1 "another lkcoordd works on $WORLD/coordinator: stop that one, or give this one a state directory"
    run timeout 20 lkagentd --config "$WORLD/amd64-1.yml"
    says second-agent 1 "$WORLD/amd64-1/state"
    is_served
}

# ---- strangers ----

# ENDPOINT: bytes of no protocol, a greeting cut off, a frame that says to be huge, and a crowd that says nothing.
pester() {
    /usr/bin/python3 - "${1#tcp://}" <<'END'
import os, socket, sys
host, port = sys.argv[1].rsplit(":", 1)
host = host.strip("[]")
greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + b"\0" + bytes(31)
plain = greeting.replace(b"CURVE", b"NULL\0")
inputs = [b"", b"\0", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(65536), greeting[:20], greeting,
          greeting + b"\x04\xc8\x05HELLO" + os.urandom(194), greeting + b"\x04\xc8\x05HELLO" + os.urandom(100),
          greeting + b"\x02" + (2**62).to_bytes(8, "big") + bytes(4096), greeting + b"\x06" + b"\xff" * 8,
          plain, plain + b"\x04\x26\x05READY" + bytes(32), plain + b"\x00\x05hello" * 1000]
for data in inputs * 4:
    with socket.create_connection((host, int(port)), 5) as peer:
        try:
            peer.sendall(data)
        except OSError:
            pass  # cut off in the middle: as it should be
crowd = [socket.create_connection((host, int(port)), 5) for _ in range(100)]
for peer in crowd:
    peer.close()
END
}

@test "strangers' bytes at both doors harm nobody" {
    local pid
    pid=$(cat "$WORLD/pids/coordinator")
    pester "$COORDINATOR_AGENTS"
    pester "$COORDINATOR_CLIENTS"
    world_has_agents 1
    is_served
    [ "$pid" = "$(cat "$WORLD/pids/coordinator")" ]
    kill -0 "$pid"
}

# ---- full disks ----

# DIRECTORY SIZE: a disk of its own, which world_stop unmounts.
small_disk() {
    mkdir -p "$1"
    mount -t tmpfs -o "size=$2,mode=700" lkcoord-test "$1"
}

# NAME MB: a package in a repository of its own, with noise that does not get smaller.
package_with_noise() {
    mkdir "$BATS_TEST_TMPDIR/$1"
    cd "$BATS_TEST_TMPDIR/$1"
    git init -q -b main .
    head -c "$2M" /dev/urandom >noise
    package "$1"
}

@test "a full disk at the agent is told with its place; with more space the same push goes well" {
    world_kill amd64-1
    small_disk "$WORLD/spare-1/state" 4m
    world_agent spare-1 amd64
    world_wait_agents 1
    package_with_noise agentdisk 8
    run timeout 60 lkcoord push --timeout 5 --org "$REGISTRY/demo" .
    says agent-disk 4 "no space left for sources in $WORLD/spare-1/state"
    run ! is_published agentdisk
    mount -o remount,size=256m "$WORLD/spare-1/state"
    push .
    [ "$status" -eq 0 ]
    world_kill spare-1
    umount "$WORLD/spare-1/state"
    world_agent_again amd64-1
    world_wait_agents 1
}

@test "a full disk for the coordinator's sources is told with its place, and the coordinator lives on" {
    world_kill coordinator
    mv "$WORLD/coordinator/sources" "$WORLD/sources.before"
    small_disk "$WORLD/coordinator/sources" 4m
    world_coordinator
    world_wait_agents 1
    package_with_noise sourcedisk 8
    run timeout 60 lkcoord push --timeout 20 --org "$REGISTRY/demo" .
    says source-disk 4 "no space left for sources in $WORLD/coordinator/sources"
    run ! is_published sourcedisk
    is_served
    mount -o remount,size=64m "$WORLD/coordinator/sources"
    cd "$BATS_TEST_TMPDIR/sourcedisk"
    push .
    [ "$status" -eq 0 ]
    world_kill coordinator
    umount "$WORLD/coordinator/sources"
    world_coordinator
    world_wait_agents 1
}

@test "a full journal ends the coordinator with a clear word; with space and a restart the push goes on" {
    world_kill coordinator
    mv "$WORLD/coordinator/sources" "$WORLD/sources.still"
    cp -a "$WORLD/coordinator" "$WORLD/kept"
    small_disk "$WORLD/coordinator" 32m
    cp -a "$WORLD/kept/." "$WORLD/coordinator"
    world_coordinator
    world_wait_agents 1

    mkdir "$BATS_TEST_TMPDIR/journaldisk"
    cd "$BATS_TEST_TMPDIR/journaldisk"
    git init -q -b main .
    echo 'RUN sleep 2' >more
    package journaldisk
    cat more >>Dockerfile
    commit_all
    timeout 60 lkcoord push --org "$REGISTRY/demo" . >"$WORLD/log/journal.out" 2>"$WORLD/log/journal.err" 3>&- 4>&- &
    local client=$!
    world_wait "the build" 20 grep -q building "$WORLD/log/journal.err"
    run ! cp /dev/zero "$WORLD/coordinator/filler"
    world_wait "the coordinator's end" 20 world_has_ended "$(cat "$WORLD/pids/coordinator")"
    run grep 'lkcoordd ends' "$WORLD/log/coordinator.log"
    says journal-disk 0 "the journal $WORLD/coordinator/journal.db: the disk is full; free some space and start lkcoordd again"

    rm "$WORLD/coordinator/filler"
    world_coordinator
    wait "$client"
    cat "$WORLD/log/journal.err"
    is_published journaldisk
}
