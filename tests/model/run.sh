#!/bin/bash
#
# Lets spin go through every state of the models, find the error in each known-bad variant, and judge runs of the
# simulator.  Prints a row for each; the last line is "N passed, N failed".
#
#   tests/model/run.sh [models|bad|steps]...     default: all; SEEDS=A-B picks the runs (1-200)
#
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
mkdir -p build/model
work=$(mktemp -d "$root/build/model/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
passed=0 failed=0

count() {
    if [ "$1" = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# DIRECTORY MODEL CFLAGS FLAGS...: makes DIRECTORY/pan.
make_pan() {
    local dir=$work/$1 model=$2 cflags=$3
    shift 3
    mkdir -p "$dir"
    cd "$dir" || return 1
    # spin finds what a model includes beside it, and writes to where it is.
    # shellcheck disable=SC2086
    spin -a "$@" "$root/tests/model/$model.pml" >spin.log 2>&1 &&
        gcc -O2 -w -I"$root" $cflags -o pan pan.c 2>gcc.log
    local status=$?
    cd "$root" || return 1
    [ $status -eq 0 ] || cat "$dir"/*.log >&2
    return $status
}

# Of pan's words: errors, states, transitions, depth.
figures() {
    sed -nE 's/.*depth reached ([0-9]+), errors: ([0-9]+).*/depth=\1 errors=\2/p;
        s/^ *([0-9]+) states, stored.*/states=\1/p; s/^ *([0-9]+) transitions.*/transitions=\1/p' "$1"
}

row() {
    printf '%-46s %12s %12s %6s  %s\n' "$@"
}

# WANTED(clean|error) NAME MODEL FLAGS...
judge() {
    local wanted=$1 name=$2 model=$3 dir log states=- transitions=- depth=- errors='' result good=no
    shift 3
    dir=${name//[^A-Za-z0-9]/_}
    log=$work/$dir/pan.log
    local cflags="-DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=1950 -DNOCLAIM -DSAFETY"
    local options=(-m20000 -n)
    if [[ $name == *"ends in time"* ]]; then
        cflags="-DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=1950"
        options=(-m40000 -n -a)
    fi
    if make_pan "$dir" "$model" "$cflags" "$@"; then
        (cd "$work/$dir" && exec ./pan "${options[@]}") >"$log" 2>&1
        # shellcheck disable=SC2046
        local $(figures "$log")
    fi
    if grep -qE 'max search depth|out of memory|block in d_step|VECTORSZ' "$log"; then
        result="not complete: see the model"
        sed -n '1,5p' "$log" >&2
    elif [ "$wanted" = clean ]; then
        result="${errors:-?} errors"
        [ "$errors" != 0 ] || good=yes
    else
        result=$(sed -nE 's/^pan:[0-9]+: (assertion violated|acceptance cycle|invalid end state).*/found: \1/p' "$log" | head -1)
        [ -z "$result" ] || good=yes
        result=${result:-NOT FOUND}
    fi
    row "$name" "$states" "$transitions" "$depth" "$result"
    count $good
    rm -rf "${work:?}/$dir"
}

models() {
    judge clean "permit: an agent fails, or an outsider acts" permit -DFAULTS=1 -DDEATHS=0
    judge clean "permit: the coordinator dies" permit -DFAULTS=1 -DAGENTS_ARE_GOOD
    judge clean "permit: a backup is restored" permit -DFAULTS=1 -DRESTORES -DAGENTS_ARE_GOOD
    judge clean "permit: every push ends in time" permit -DFAULTS=1 -DAGENTS_ARE_GOOD -DDEATHS=0
    judge clean "lease: anything goes wrong once" lease -DFAULTS=1
}

bad() {
    judge error "permit: NO_FENCE" permit -DFAULTS=1 -DNO_FENCE
    judge error "permit: NO_FACTS_FIRST" permit -DFAULTS=2 -DAGENTS_ARE_GOOD -DNO_FACTS_FIRST
    judge error "permit: EPOCH_NOT_RAISED" permit -DFAULTS=2 -DAGENTS_ARE_GOOD -DRESTORES -DONE_PACKAGE -DEPOCH_NOT_RAISED
    judge error "permit: LOW_EPOCH_ACCEPTED" permit -DFAULTS=2 -DAGENTS_ARE_GOOD -DRESTORES -DLOW_EPOCH_ACCEPTED
    judge error "permit: TAG_FIRST" permit -DFAULTS=1 -DTAG_FIRST
    judge error "permit: TAG_BEFORE_SIGN" permit -DFAULTS=1 -DTAG_BEFORE_SIGN
    judge error "permit: NO_CHECK" permit -DFAULTS=1 -DNO_CHECK
    judge error "permit: NO_TURN" permit -DFAULTS=0 -DNO_TURN
    judge error "permit: NO_LOOK_IN_TURN" permit -DFAULTS=0 -DNO_LOOK_IN_TURN
    judge error "permit: CANCEL_AFTER_MERGE" permit -DFAULTS=1 -DCANCEL_AFTER_MERGE
    local name
    for name in NO_FACTS_FIRST LEASE_NOT_RENEWED OLD_ATTEMPT_COUNTS DUPLICATE_COUNTS ANYBODY_COUNTS \
        PING_BEFORE_INVENTORY NOTHING_IS_ADOPTED; do
        judge error "lease: $name" lease -DFAULTS=1 "-D$name"
    done
}

# ---- runs of the simulator ----

# FILE REPOSITORY: true if the model could have done it; else `said` has the line that it refused.
accepts() {
    said=$(cd "$work/acceptor" && STEPS=$1 REPOSITORY=$2 ./pan -m200000 -w14 -n 2>&1)
    grep -q '^accepted' <<<"$said" && grep -q 'errors: 0' <<<"$said"
}

# A run with one thing done by hand to it must be refused: NAME SED-OR-AWK-PROGRAM
refuses() {
    local name=$1 program=$2 verdict=accepted good=no
    awk "$program" "$work/whole" >"$work/forged"
    if cmp -s "$work/whole" "$work/forged"; then
        verdict="nothing was changed"
    elif ! accepts "$work/forged" b; then
        verdict=refused good=yes
    fi
    row "forged: $name" - - - "$verdict"
    count $good
}

steps() {
    local said sim=build/dev/tests/sim/sim seed repository good=0 bad=0 first=${SEEDS:-1-200}
    [ -x "$sim" ] || make --no-print-directory "$sim" >/dev/null || return 1
    make_pan acceptor permit "-DSAFETY -DNOREDUCE -DVECTORSZ=60000" -DTRACE || { count no; return; }
    for ((seed = ${first%-*}; seed <= ${first#*-}; seed++)); do
        "$sim" --steps "$seed" --faults 3 >"$work/steps"
        for repository in a b; do
            if accepts "$work/steps" $repository; then
                good=$((good + 1))
            else
                bad=$((bad + 1))
                echo "the model refuses what repository $repository sees of: sim --steps $seed --faults 3," \
                    "$(grep '^furthest' <<<"$said")" >&2
            fi
        done
    done
    row "runs of the simulator, $first, a and b" - - - "$good accepted, $bad refused"
    count "$([ $bad -eq 0 ] && [ $good -gt 0 ] && echo yes || echo no)"
    "$sim" --steps 7 --faults 3 >"$work/whole"
    refuses "a signature is left out" '!(/^b signed/ && !done++)'
    refuses "the tag moves before the signature" '/^b signed/ && !held { held = $0; next }
        { print } held && /^b tagged/ { print held; held = ""; while ((getline) > 0) print }'
    refuses "a permit while another lives" '/^b done/ && !done++ { next } { print }'
    refuses "a PUSHED with an old fence" '/^b reported/ && !done++ { $5 = $5 - 1 } { print }'
    refuses "a child that nobody put" '!(/^\* child/ && !done++)'
    refuses "a check is left out" '!(/^b checked/ && !done++)'
    refuses "a permit is told before it is on disk" '/^b permit/ && !done++ { print; f = 1; next }
        f && /^\* writ/ { next } /^b told/ { f = 0 } { print }'
    refuses "nobody looks in the turn" '!/^b looked/'
}

[ $# -gt 0 ] || set -- models bad steps
row model states transitions depth result
for part; do
    case $part in
    models | bad | steps) "$part" ;;
    *)
        echo "usage: tests/model/run.sh [models|bad|steps]..." >&2
        exit 2
        ;;
    esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
