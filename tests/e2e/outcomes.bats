# What a push comes to when something of it fails, takes too long or is asked for again, as its client sees it.

load helper

setup_file() {
    start_world "history: 2"
    start_agents amd64 s390x
}

# ID: of a push that was let go, each command says so, by its number.
is_known_as_let_go() {
    local command
    for command in status watch cancel retry logs; do
        run -5 lkcoord "$command" "$1"
        [[ $output == *"push $1 ended and was let go: of those that ended at most the last 2 are kept"* ]]
    done
}

@test "what the history has let go is told apart from what never was, by every command, also after a restart" {
    new_small_package plain "arches: [amd64]"
    for i in 1 2 3; do
        run -0 lkcoord plan --org "$REGISTRY/demo" plain
    done
    run -0 lkcoord status --all
    [ "${#lines[@]}" -eq 2 ]
    is_known_as_let_go 1
    world_kill coordinator KILL
    world_coordinator
    is_known_as_let_go 1
    for command in status watch cancel retry logs; do
        run -5 lkcoord "$command" 4711
        [[ $output == *"there never was a push 4711: the last one is 3"* ]]
    done
    run -0 lkcoord status 2
}

# NAME COMMAND [ARCHES]: a package with that step; the name in it is not in the builder's cache.
new_package_with_step() {
    new_package "$1" "arches: [${3-amd64, s390x}]" <<END
FROM base.lkcoord.example/busybox:1
RUN : $1; $2
END
}

# What became of the architectures of the last push, as "NAME/ARCH STATE".
states() {
    lkcoord status --output json "$(lkcoord status --all --output json | jq '[.. | objects | .push? // empty] | max')" |
        jq -r '[.. | objects | select(has("jobs"))][] | . as $p | .jobs[] | "\($p.path) \(.arch) \(.state)"' | sort
}

fails_on_amd64='[ "$(uname -m)" != x86_64 ]'

@test "a failure ends its package; with --keep-going its other architectures are built, with --fail-fast no other package is" {
    new_package_with_step half "$fails_on_amd64 && sleep 1"
    new_package_with_step other "sleep 2"
    push half other
    [ "$status" -eq 1 ]
    states
    [[ $published == *"/other:"* && $published != *"/half:"* ]]
    states | grep -x 'half s390x cancelled'

    new_package_with_step half "$fails_on_amd64 && sleep 2"
    push --keep-going half
    [ "$status" -eq 1 ]
    states | grep -x 'half s390x done'
    [ -z "$published" ]

    new_package_with_step half "sleep 2; false" amd64
    new_package_with_step slow "sleep 20" s390x
    local started=$SECONDS
    push --fail-fast half slow
    [ "$status" -eq 1 ]
    [ $((SECONDS - started)) -lt 18 ]
    states | grep -x 'slow s390x cancelled'
    [ -z "$published" ]
    [[ $output == *"cancelled, because something else in its push failed (--fail-fast)"* ]]
}

@test "a build that takes longer than --job-timeout has failed, and its processes are gone" {
    new_package_with_step endless "sleep 4242"
    push --job-timeout 3 endless
    [ "$status" -eq 1 ]
    [[ $output == *"was still building after 3 s (--job-timeout)"* ]]
    world_wait "the end of the build" 20 eval '! pgrep -f "sleep 4242"'
}
