# Who may do what when: turns, uploads in turn, builds one after the other.

load helper

# buildah, which tells the meeting of each build's beginning and end, and lets those that have a round
# end together.
meeting_builder() {
    cat <<END
#!/bin/bash
case " \$* " in *" bud "*) ;; *) exec buildah "\$@" ;; esac
tell() {
    exec 3<>/dev/tcp/127.0.0.1/$(cat "$WORLD/meeting/port") && echo "\$*" >&3 && read -r _ <&3
    exec 3>&-
}
context=\${*: -1}
round=\$(sed -n 's/^LABEL race=//p' "\$context/Dockerfile")
arch=\$(grep -oE 'linux/[a-z0-9]+' <<<"\$*" | head -n 1)
tell begin
buildah "\$@"
status=\$?
tell end
[ -z "\$round" ] || tell meet "\$round" "\$arch"
exit \$status
END
}

setup_file() {
    start_world "publish:" "  stage: in-turn"
    mkdir "$WORLD/meeting"
    world_spawn meeting "$ROOT/tests/tools/meeting.py" "$WORLD/meeting"
    world_wait "the meeting" 20 test -e "$WORLD/meeting/port"
    meeting_builder >"$WORLD/builder"
    chmod 755 "$WORLD/builder"
    for arch in amd64 arm64 s390x; do
        world_agent "$arch-1" "$arch" "builder-command: $WORLD/builder"
    done
    world_wait_agents 3
}

@test "with in-turn no request of two architectures interleaves" {
    new_package inturn <<'END'
FROM base.lkcoord.example/busybox:1
RUN uname -m > /built-on
END
    push inturn
    [ "$status" -eq 0 ]
    requests_are_in_turn all 3 "$published"
}

@test "with --sequential no two builds overlap" {
    for name in one two; do
        new_package "$name" <<'END'
FROM base.lkcoord.example/busybox:1
RUN sleep 1
END
    done
    rm -f "$WORLD/meeting/builds"
    push --sequential one two
    [ "$status" -eq 0 ]
    [ "$(grep -c begin "$WORLD/meeting/builds")" -eq 6 ]
    [ "$(grep -c end "$WORLD/meeting/builds")" -eq 6 ]
    [ -z "$(uniq -d "$WORLD/meeting/builds")" ]
}

@test "without it builds do overlap" {
    new_package three <<'END'
FROM base.lkcoord.example/busybox:1
RUN sleep 2
END
    rm -f "$WORLD/meeting/builds"
    push three
    [ "$status" -eq 0 ]
    [ "$(grep -c end "$WORLD/meeting/builds")" -eq 3 ]
    [ -n "$(uniq -d "$WORLD/meeting/builds")" ]
}

@test "thirty times two architectures finish at the same instant, and the index always holds both" {
    names=()
    for i in $(seq 30); do
        new_package "race$i" "arches: [amd64, arm64]" <<END
FROM base.lkcoord.example/busybox:1
COPY build.yml /race
LABEL race=$i
END
        sed -i 's/^image:.*/image: race/' "race$i/build.yml"
        names+=("race$i")
    done
    commit_all
    push "${names[@]}"
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$published")" -eq 30 ]
    # In each round, both builders ended when both had built.
    [ "$(sort -n "$WORLD/meeting/met")" = "$(seq -f '%g linux/amd64 linux/arm64' 30)" ]
    for reference in $published; do
        [ "$(arches_of "$reference")" = "amd64 arm64" ]
    done
    requests_are_in_turn manifests 60 $published
}
