# Who may do what when: turns, uploads in turn, builds one after the other.

load helper

setup_file() {
    start_world "publish:" "  stage: in-turn"
    cat >"$WORLD/builder" <<END
#!/bin/bash
# buildah, with a note at the beginning and the end of each build
case " \$* " in *" bud "* | *" build "*) ;; *) exec buildah "\$@" ;; esac
echo begin >>"$WORLD/builds"
buildah "\$@"
status=\$?
echo end >>"$WORLD/builds"
exit \$status
END
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
    requests_are_in_turn all "$published"
    [ "$(wc -l <<<"$runs")" -eq 3 ]
}

@test "with --sequential no two builds overlap" {
    for name in one two; do
        new_package "$name" <<'END'
FROM base.lkcoord.example/busybox:1
RUN sleep 1
END
    done
    rm -f "$WORLD/builds"
    push --sequential one two
    [ "$status" -eq 0 ]
    [ "$(grep -c begin "$WORLD/builds")" -eq 6 ]
    [ -z "$(uniq -d "$WORLD/builds")" ]
}

@test "without it builds do overlap" {
    new_package three <<'END'
FROM base.lkcoord.example/busybox:1
RUN sleep 2
END
    rm -f "$WORLD/builds"
    push three
    [ "$status" -eq 0 ]
    [ -n "$(uniq -d "$WORLD/builds")" ]
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
    for reference in $published; do
        [ "$(arches_of "$reference")" = "amd64 arm64" ]
    done
    requests_are_in_turn manifests $published
}
