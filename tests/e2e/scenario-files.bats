# Scenario files: what is wrong in one is told with its line and what may stand there; a printed seed is that seed.

bats_require_minimum_version 1.5.0

SIM=$BATS_TEST_DIRNAME/../../build/${CONFIG:-dev}/tests/sim/sim

# LINE WORDS...: between an agent and an expectation, that line is refused in these words.
is_refused() {
    local line=$1 words
    shift
    printf '%s\n' "agent a0 builds amd64, each in 10 s" "$line" "expect c0 ends well" >"$BATS_TEST_TMPDIR/bad.lks"
    run "$SIM" --scenario "$BATS_TEST_TMPDIR/bad.lks"
    [ "$status" -eq 1 ]
    for words in "bad.lks:2: " "$@"; do
        [[ $output == *"$words"* ]] || return 1
    done
}

@test "a line that is not understood is told with its number, where it went wrong, and what may stand there" {
    is_refused 'at 3 s: c0 pushes org/a:t1 for amd64, --fast' 'not understood from "--fast" on' '--fail-fast'
    is_refused 'at 3: c0 pushes org/a:t1 for amd64' 'not understood from "3: c0' 'N.N s: cN pushes'
    is_refused 'at 3 s: agent a7 is killed; back after 5 s' 'agent aN is killed; back after N.N s'
    is_refused 'at 3 s: agent a0 is abducted' 'not understood from "abducted" on' 'paused for N.N s'
    is_refused 'agent a2 builds arm64' 'agents are numbered a0, a1 and so on, in this order'
    is_refused 'at 3 s: c0 pushes org/a:t1 for mips' 'not understood from "mips" on' 'amd64 arm64 s390x'
    is_refused 'at 99999999999999999999 s: c0 pushes org/a:t1 for amd64' 'not understood from "99999999999999999999 s'
    is_refused 'expect 3 sandwiches' 'not understood from "sandwiches" on' 'builds'
    is_refused 'when the first "lunch" is on disk: the coordinator is killed; back after 5 s' 'there is no fact of that name'
}

@test "a file that is empty, not there or no text at all is refused" {
    : >"$BATS_TEST_TMPDIR/bad.lks"
    run -1 "$SIM" --scenario "$BATS_TEST_TMPDIR/bad.lks"
    [[ $output == *"nobody builds, or nobody pushes"* ]]
    run -1 "$SIM" --scenario "$BATS_TEST_TMPDIR/none.lks"
    [[ $output == *"none.lks: cannot be read"* ]]
    head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/bad.lks"
    run -1 "$SIM" --scenario "$BATS_TEST_TMPDIR/bad.lks"
}

@test "an expectation that is not met, and a fault that made no difference, fail their scenario" {
    printf '%s\n' "agent a0 builds amd64, each in 10 s" "at 3 s: c0 pushes org/a:t1 for amd64" "expect 2 builds" >"$BATS_TEST_TMPDIR/x.lks"
    run -1 "$SIM" --scenario "$BATS_TEST_TMPDIR/x.lks"
    [[ $output == *"line 3: there were 1"* ]]
    printf '%s\n' "agent a0 builds amd64, each in 10 s" "at 3 s: c0 pushes org/a:t1 for amd64" \
        "from 3 s on: the next upload of agent a0 breaks off" "at 4 s: somebody cancels the push of c0" \
        "expect c0 ends cancelled" >"$BATS_TEST_TMPDIR/x.lks"
    run -1 "$SIM" --scenario "$BATS_TEST_TMPDIR/x.lks"
    [[ $output == *"line 3"* ]]
}

@test "a seed that is printed as a scenario does what the seed does" {
    local seed
    for seed in 1 7 21 33 58; do
        "$SIM" --faults 4 --print "$seed" >"$BATS_TEST_TMPDIR/seed.lks"
        [ "$("$SIM" --faults 4 --replay "$seed" | grep -o 'digest .*')" = \
            "$("$SIM" --trace --scenario "$BATS_TEST_TMPDIR/seed.lks" | grep -o 'digest .*' | head -n 1)" ]
    done
}
