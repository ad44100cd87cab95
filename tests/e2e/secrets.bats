# --secret and --ssh: what a build may see, and nobody may keep.

load local_helper

setup() {
    without_coordinator
    VALUE=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
    SUM=$(printf %s "$VALUE" | sha256sum | cut -d ' ' -f 1)
    kept=$BATS_TEST_TMPDIR/value
    printf %s "$VALUE" >"$kept"
}

# NAME: a package whose build reads the secret `token` and then takes its time.
new_secret_package() {
    new_package "$1" "arches: [$NATIVE]" <<END
FROM base.lkcoord.example/busybox:1
COPY build.yml /$1.yml
RUN --mount=type=secret,id=token,required=true sha256sum /run/secrets/token | cut -d ' ' -f 1 >/sum && echo sum: \$(cat /sum)
RUN --mount=type=secret,id=token,required=true test -s /run/secrets/token && echo $1 is here && sleep 3
END
}

# Fails if the value lies in a file of the world, or in what our processes were told.
assert_nowhere() {
    local pid found
    found=$(grep -rlaF -e "$VALUE" "$WORLD" || true)
    for pid in $(pgrep -f "$WORLD/state" || true); do
        grep -qaF -e "$VALUE" "/proc/$pid/cmdline" "/proc/$pid/environ" 2>/dev/null || continue
        # The shell's own word for it, in the environment of the command that was given it.
        [ "$pid" = "$client" ] || found+=" process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    done
    echo "found:$found"
    [ -z "$found" ]
}

builder_has_ended() {
    [ -z "$(pgrep -f "buildah.*$STATE/agent/storage")" ]
}

# OPTION... NAME: builds, and looks for the value while a step has it and afterwards.
build_and_look() {
    local log=$BATS_TEST_TMPDIR/log status=0
    lkcoord build --org wombat "$@" >"$log" 2>&1 3>&- 4>&- &
    client=$!
    world_wait "the step that has the secret" 30 grep -rqx "${*: -1} is here" "$STATE/coordinator/logs" || {
        cat "$log"
        return 1
    }
    assert_nowhere
    wait "$client" || status=$?
    cat "$log"
    [ "$status" -eq 0 ]
    number=$(sed -n 's/^push \([0-9]*\) .*/\1/p' "$log")
    assert_nowhere
    lkcoord logs "$number" | grep "] sum: $SUM\$"
    run ! ls "$STATE"/s.*
}

@test "a secret of a file is seen by the step that mounts it, and is nowhere else" {
    new_secret_package from-file
    build_and_look --secret "id=token,src=$kept" from-file
}

@test "a secret of a variable too, though the daemons are started by the same command" {
    new_secret_package from-variable
    TOKEN=$VALUE build_and_look --secret id=token,env=TOKEN from-variable
}

@test "a secret from a pipe, while another command had started the daemons" {
    new_package slow "arches: [$NATIVE]" <<END
FROM base.lkcoord.example/busybox:1
RUN sleep 6
END
    lkcoord build --org wombat slow >"$BATS_TEST_TMPDIR/slow" 2>&1 3>&- 4>&- &
    slow=$!
    world_wait "the slow build" 20 grep -q building "$BATS_TEST_TMPDIR/slow"
    new_secret_package from-pipe
    build_and_look --secret "id=token,src=/dev/fd/9" from-pipe 9< <(cat "$kept")
    wait "$slow"
}

@test "killed with its agent, it leaves the secret nowhere, and is not built without it" {
    new_secret_package killed
    lkcoord build --org wombat --secret "id=token,src=$kept" killed >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- 4>&- &
    client=$!
    world_wait "the step that has the secret" 30 grep -rqx "killed is here" "$STATE/coordinator/logs"
    kill -KILL "$client" $(pgrep -f "lkagentd.*$STATE")
    wait "$client" || true
    world_wait "the end of the builder" 10 builder_has_ended
    assert_nowhere
    # The next command takes the push up again, and the command that had the secrets is gone.
    number=$(sed -n 's/^push \([0-9]*\) .*/\1/p' "$BATS_TEST_TMPDIR/log")
    run -5 lkcoord watch "$number"
    grep 'the lkcoord command that has this build.s secrets is gone: run it again' <<<"$output"
}

@test "a configured coordinator gets no secret" {
    new_secret_package gone
    export LKCOORD_CONFIG=$CONFIGURED
    run -2 lkcoord build --secret "id=token,src=$kept" gone
    grep 'secrets go to no other host' <<<"$output"
    run -2 lkcoord push --ssh default=/nonexistent gone
    grep 'socket /nonexistent' <<<"$output"
}

@test "what --secret and --ssh cannot mean is said" {
    new_secret_package odd
    run -2 lkcoord build --secret id=token odd
    grep 'say where it is' <<<"$output"
    run -2 lkcoord build --secret "id=to/ken,src=$kept" odd
    grep 'an id may have' <<<"$output"
    run -2 lkcoord build --secret "id=token,src=$kept" --secret "id=token,src=$kept" odd
    grep 'there twice' <<<"$output"
    run -2 lkcoord build --secret id=token,env=NOT_SET odd
    grep 'NOT_SET is not set' <<<"$output"
    run -2 lkcoord build --secret "id=token,src=$kept,mode=0400" odd
    grep '"mode" is unknown' <<<"$output"
    SSH_AUTH_SOCK= run -2 lkcoord build --ssh default odd
    grep 'no ssh-agent is running here' <<<"$output"
    run -2 lkcoord build --ssh "default=$kept" odd
    grep 'is no socket' <<<"$output"
    run -2 lkcoord build --ssh other odd
    grep 'expected default' <<<"$output"
}

@test "--ssh shows the step a socket of the ssh-agent" {
    command -v ssh-agent || skip "no ssh-agent here"
    new_package with-ssh "arches: [$NATIVE]" <<END
FROM base.lkcoord.example/busybox:1
COPY build.yml /with-ssh.yml
RUN --mount=type=ssh test -S "\$SSH_AUTH_SOCK" && echo a socket
RUN test -z "\$SSH_AUTH_SOCK" && echo no socket
END
    eval "$(ssh-agent -s)"
    run lkcoord build --org wombat --ssh default with-ssh
    kill "$SSH_AGENT_PID"
    echo "$output"
    [ "$status" -eq 0 ]
    number=$(sed -n 's/^push \([0-9]*\) .*/\1/p' <<<"$output")
    lkcoord logs "$number" | grep "] a socket\$"
    lkcoord logs "$number" | grep "] no socket\$"
}
