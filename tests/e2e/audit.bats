# What lkcoord audit finds of what was published long ago, and what it puts right.

load helper
. "$ROOT/tests/tools/sigstore.sh"

setup_file() {
    start_world
    start_agents amd64 arm64
}

audit() {
    lkcoord audit --plain-http --key "$SIGNING_KEY" "$@"
}

# REFERENCE: the registry has lost all that was attached to it.
lose_signatures() {
    local tags=$WORLD/registry/data/docker/registry/v2/repositories
    tags+=/$(repository_of "${1#*/}")/_manifests/tags
    [ -n "$(ls -d "$tags"/sha256-*)" ]
    rm -r "$tags"/sha256-*
}

digest_of() {
    echo "sha256:$(raw "$1" | sha256sum | cut -d ' ' -f 1)"
}

@test "what is sound is said to be so, and whose it is" {
    new_small_package sound "arches: [amd64, arm64]"
    push sound
    run -0 audit "${published%@*}"
    [[ $output == *"is complete and signed"*"published by this coordinator"* ]]
    run -0 --separate-stderr audit --json "${published%@*}"
    jq -e --arg digest "${published#*@}" '.schema == "lkcoord.audit/1" and
        (.references[0] | .sound and .verified and .published == $digest and (.moved | not))' <<<"$output"
}

@test "a tag that was moved back to an older index, which every verifier accepts, is found" {
    new_small_package moved "arches: [amd64]"
    push --release stable moved
    stable=$REGISTRY/demo/moved:stable
    old=$(raw "$stable")
    date >"$WORLD/source/moved/news"
    commit_all
    push --release stable --force moved
    run -0 audit "$stable"
    newer=$(digest_of "$stable")
    printf %s "$old" | put_manifest "$REGISTRY/demo/moved" stable "$INDEX_TYPE"
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$stable"
    run -6 audit "$stable"
    [[ $output == *"was moved: this coordinator published $newer there last"* ]]
    run -6 --separate-stderr audit --json "$stable"
    jq -e '.references[0] | .moved and .verified and (.sound | not)' <<<"$output"
}

@test "signatures that are gone are put back, where the journal proves what is to be signed, and nothing else changes" {
    new_small_package bare "arches: [amd64, arm64]"
    push bare
    reference=${published%@*}
    lose_signatures "$reference"
    run -6 audit "$reference"
    run audit --repair "$reference"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"is complete and signed"* ]]
    [ "$(digest_of "$reference")" = "${published#*@}" ]
    lkcoord verify --plain-http --key "$SIGNING_KEY" "$reference"
    run ! grep -q building <<<"$output"
}

@test "what nobody vouches for is not signed, whoever asks for it" {
    new_small_package mine "arches: [amd64]"
    push mine
    stranger=$REGISTRY/demo/mine:strange
    raw "$published" | jq -c '.annotations = {"by": "a stranger"}' | put_manifest "$REGISTRY/demo/mine" strange "$INDEX_TYPE"
    before=$(digest_of "$stranger")
    run -6 audit --repair "$stranger"
    [[ $output == *"not known to this coordinator"* ]]
    [ "$(digest_of "$stranger")" = "$before" ]
    run -6 lkcoord verify --plain-http --key "$SIGNING_KEY" "$stranger"
}

@test "a coordinator that is away leaves the question open" {
    new_small_package lonely "arches: [amd64]"
    push lonely
    kill -STOP "$(cat "$WORLD/pids/coordinator")"
    run -4 timeout 100 lkcoord audit --plain-http --key "$SIGNING_KEY" "${published%@*}"
    kill -CONT "$(cat "$WORLD/pids/coordinator")"
    [[ $output == *"asking the coordinator what it published"* ]]
}
