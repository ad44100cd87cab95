# A build that does not stop talking: nobody waits for it, and no disk fills up.

load helper

SAID=1000000000
QUOTA=$((16 * 1024 * 1024))

setup_file() {
    start_world
    world_agent amd64-1 amd64
    world_agent spare-1 amd64
    world_wait_agents 2
}

# The agents' logs have no names.
largest_spool() {
    local name
    for name in amd64-1 spare-1; do
        find "/proc/$(pid_of "$name")/fd" -lname '*(deleted)' -exec stat -L -c %s {} +
    done | sort -n | awk 'END { print $1 + 0 }'
}

is_talking() {
    [ "$(largest_spool)" -ge 1000000 ]
}

is_over() {
    ! kill -0 "$client" 2>/dev/null
}

@test "a build that prints 1 GB stalls nobody and is kept within 16 MiB" {
    new_package talker "arches: [amd64]" <<END
FROM base.lkcoord.example/busybox:1
RUN yes | head -c $SAID
END
    new_small_package quiet "arches: [amd64]"
    push_aside --org "$REGISTRY/demo" talker
    world_wait "the first words" 30 is_talking
    push quiet
    [ "$status" -eq 0 ]
    has_job "$(aside_id)" '.state != "done"'
    while ! is_over; do
        [ "$(largest_spool)" -le "$QUOTA" ]
        sleep 0.2
    done
    wait "$client"

    kept=$(stat -c %s "$WORLD/coordinator/logs/$(aside_id)"/*.log)
    echo "# kept: $kept bytes" >&3
    [ "$kept" -le "$QUOTA" ]
    lkcoord logs "$(aside_id)" >"$WORLD/talk"
    left_out=$(sed -nE 's/.*\[lkagentd: ([0-9]+) bytes left out: quota\].*/\1/p' "$WORLD/talk")
    [ "$((left_out + kept))" -ge "$SAID" ]
    [ "$left_out" -lt "$SAID" ]
}
