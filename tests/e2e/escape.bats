# What a hostile package can do to the host that builds it; and what a killed agent leaves there.

load helper

setup_file() {
    start_world "lease-ms: 3000" "suspect-ms: 1000" "ping-ms: 300"
    start_agents amd64
    echo treasure >"$WORLD/treasure"
}

# Nothing of the host in the build's log, nothing new on the host.
nothing_got_out() {
    local id
    id=$(lkcoord status --all | awk 'END { print $1 }')
    lkcoord logs "$id" >"$BATS_TEST_TMPDIR/log"
    cat "$BATS_TEST_TMPDIR/log"
    grep -q '] looked around$' "$BATS_TEST_TMPDIR/log"
    run ! grep -E '\] (treasure|found .*)$' "$BATS_TEST_TMPDIR/log"
    run ! ls -d "$WORLD/pwned"
    run ! ls -d /usr/lkcoord-pwned
    run ! ls -d /etc/lkcoord-pwned
}

# What a RUN step does with the root directory that it got hold of below /h.  Kernel settings are opened only.
# Everything into one stream, so that no complaint of the shell falls into the middle of a line.
burglary() {
    cat <<END
exec 2>&1; for file in $WORLD/treasure $WORLD/keys $WORLD/amd64-1.yml $WORLD/amd64-1/state/lock \
    /etc/shadow /root/.bashrc /proc/1/root$WORLD/keys /dev/vda /dev/sda; do \
    if [ -e /h\$file ]; then echo found \$file; cat /h\$file; fi; done; \
for file in $WORLD/pwned /usr/lkcoord-pwned /etc/lkcoord-pwned; do \
    echo pwned >/h\$file; done; \
if (: >>/h/proc/sys/kernel/core_pattern); then echo found kernel settings; fi; \
echo looked around
END
}

# NAME: a package that holds a link to /, from the Dockerfile on stdin.
new_hostile_package() {
    mkdir -p "$WORLD/source/$1"
    ln -sfn / "$WORLD/source/$1/sym"
    new_package "$1" "arches: [amd64]"
}

@test "a RUN step that binds a link to / sees and changes nothing of the host" {
    new_hostile_package link <<END
FROM base.lkcoord.example/busybox:1
RUN --mount=type=bind,source=sym,target=/h,rw=true $(burglary)
END
    push link
    nothing_got_out
}

@test "nor does one that binds it from an earlier stage" {
    new_hostile_package stage <<END
FROM base.lkcoord.example/busybox:1 AS first
RUN ln -s / /sym
FROM base.lkcoord.example/busybox:1
RUN --mount=type=bind,from=first,source=/sym,target=/h,rw=true $(burglary)
END
    push stage
    nothing_got_out
}

@test "nor one that asks for a cache outside of the caches" {
    new_hostile_package cache <<END
FROM base.lkcoord.example/busybox:1
RUN --mount=type=cache,id=../../..,target=/h $(burglary)
END
    push cache
    nothing_got_out
}

@test "a base image is not read from a directory of the host" {
    skopeo copy --quiet --src-tls-verify=false "docker://$REGISTRY/base/busybox:1" \
        "oci:$WORLD/private:1"
    new_package "transport" "arches: [amd64]" <<END
FROM oci:$WORLD/private:1
CMD ["/bin/true"]
END
    push transport
    [ "$status" -eq 1 ]
}

@test "a package cannot make its failure look like the host's" {
    new_package "complaint" "arches: [amd64]" <<END
FROM base.lkcoord.example/busybox:1
RUN echo no space left on device && false
END
    push complaint
    [ "$status" -eq 1 ]
    lkcoord logs "$(lkcoord status --all | awk 'END { print $1 }')" >"$BATS_TEST_TMPDIR/log"
    [ "$(grep -c ' no space left on device$' "$BATS_TEST_TMPDIR/log")" -eq 1 ]
}

teardown_file() {
    rm -f /usr/lkcoord-pwned /etc/lkcoord-pwned
    world_stop
}

push_detached() {
    lkcoord push --detach --allow-emulation --org "$REGISTRY/demo" "$@" 2>/dev/null
}

is_asleep() {
    pgrep -f "^sleep $1\$|busybox sleep $1\$" >"$BATS_TEST_TMPDIR/pids"
}

@test "a killed agent leaves no build behind; the next one does the job" {
    new_package orphan "arches: [amd64]" <<END
FROM base.lkcoord.example/busybox:1
RUN sleep 6.0471
END
    id=$(push_detached orphan)
    world_wait "the build" 20 is_asleep 6.0471
    old=$(cat "$BATS_TEST_TMPDIR/pids")
    [ -n "$(ls "$WORLD/amd64-1/state/slots")" ]
    world_kill amd64-1 KILL
    world_agent_again amd64-1
    world_wait_agents 1
    for pid in $old; do
        [ "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" != "sleep 6.0471 " ]
    done
    run -0 lkcoord watch "$id"
    [ -z "$(ls "$WORLD/amd64-1/state/slots")" ]
    run ! grep -F "$WORLD/" /proc/self/mountinfo
    [ -z "$(world_strays)" ]
}

@test "an agent ends what an earlier one noted, and no stranger with its number" {
    world_kill amd64-1
    setsid sleep 300 3>&- &
    noted=$!
    setsid sleep 300 3>&- &
    stranger=$!
    mkdir -p "$WORLD/amd64-1/state/slots"
    world_wait "their sessions" 5 test "$(ps -o pgid= -p $noted | tr -d ' ')" = "$noted"
    echo "building $noted $(awk '{ print $22 }' "/proc/$noted/stat")" \
        >"$WORLD/amd64-1/state/slots/1-1"
    echo "building $stranger 1" >"$WORLD/amd64-1/state/slots/2-1"
    world_agent_again amd64-1
    world_wait_agents 1
    world_has_ended "$noted"
    kill "$stranger"
}
