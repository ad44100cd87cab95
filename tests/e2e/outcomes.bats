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
