# The journal: what damage says and how one goes on, backups of a coordinator that runs, what a restore passes.

load helper

setup_file() {
    start_world "ping-ms: 300"
    start_agents amd64
    cd "$WORLD/source"
    new_small_package one "arches: [amd64]"
    lkcoord push --org "$REGISTRY/demo" one >/dev/null
    # What the table damages: a whole journal of a coordinator that has ended, and a backup of it.
    world_kill coordinator
    cp -r "$WORLD/coordinator" "$WORLD/whole"
    lkcoordd backup --state "$WORLD/whole" "$WORLD/whole.backup"
    world_coordinator
    world_wait_agents 1
}

# STATE: starts a coordinator on it; it has to refuse.  What it says is in $output.
refuses() {
    sed -e "s|^state:.*|state: $1|" -e 's|-endpoint:.*|-endpoint: tcp://127.0.0.1:0|' "$WORLD/lkcoordd.yml" >"$WORLD/other.yml"
    run -1 --separate-stderr timeout 20 lkcoordd --config "$WORLD/other.yml"
    output=$stderr
    echo "$output"
}

# STATE: starts a coordinator on it, which has to be ready, and ends it.
accepts() {
    local pid
    sed -e "s|^state:.*|state: $1|" -e 's|-endpoint:.*|-endpoint: tcp://127.0.0.1:0|' "$WORLD/lkcoordd.yml" >"$WORLD/other.yml"
    : >"$WORLD/log/other.log"
    lkcoordd --config "$WORLD/other.yml" 2>>"$WORLD/log/other.log" 3>&- &
    pid=$!
    world_wait "the other coordinator" 20 grep -q '"lkcoordd ready"' "$WORLD/log/other.log"
    kill -TERM "$pid"
    wait "$pid"
}

sql() {
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(*[row[0] for row in db.execute(sys.argv[2])])
db.commit()' "$1/journal.db" "$2"
}

# STATE FACT: turns one bit of that record, where it is in the file.
flip_bit() {
    python3 -c 'import sqlite3, sys
path, seq = sys.argv[1] + "/journal.db", int(sys.argv[2])
db = sqlite3.connect(path)
fact, = db.execute("SELECT fact FROM journal WHERE seq=?", (seq,)).fetchone()
db.close()
data = bytearray(open(path, "rb").read())
at = data.index(fact)
data[at + len(fact) - 1] ^= 1
open(path, "wb").write(data)' "$1" "$2"
}

cut_in_half() {
    truncate -s $(($(stat -c %s "$1/journal.db") / 2 / 4096 * 4096)) "$1/journal.db"
}

# NAME | how it is damaged, STATE is the directory | what the start says | fsck's status | what fsck says
damages() {
    cat <<'END'
bit|flip_bit STATE 5|record 5 is not what was written|1|damage: record 5 is not what was written
sum|sql STATE "UPDATE journal SET sum=zeroblob(16) WHERE seq=3"|record 3 is not what was written|1|damage: record 3
missing|sql STATE "DELETE FROM journal WHERE seq BETWEEN 4 AND 6"|records 4 to 6 are missing|1|records 4 to 6 are missing
first|sql STATE "DELETE FROM journal WHERE seq=1"|record 1 is missing|1|record 1 is missing
end|sql STATE "DELETE FROM journal WHERE seq > 7"|its last record is 7|1|the end is missing: records 8 to
swapped|sql STATE "UPDATE journal SET fact=(SELECT fact FROM journal WHERE seq=2) WHERE seq=9"|record 9 is not what|1|good: up to record 8
foreign-record|sql STATE "UPDATE meta SET value=randomblob(16) WHERE name='anchor_sum'"|record 1 is not what was written|1|nothing of
truncated|cut_in_half STATE|is damaged|1|damage:
no-head|dd if=/dev/urandom of=STATE/journal.db bs=100 count=1 conv=notrunc status=none|is damaged|1|no database
foreign|rm STATE/journal.db && sql STATE "CREATE TABLE photos(name)"|some other program|4|some other program
newer|sql STATE "PRAGMA user_version=9"|(schema 9; this one, 0.1.0, knows up to 2)|4|schema 9
END
}

@test "damage of any kind stops the start, says what and where, and is overcome by a restore" {
    local name how says code finds state
    damages >"$WORLD/damages"
    while IFS='|' read -r name how says code finds <&9; do
        echo "== $name"
        state=$WORLD/damaged-$name
        cp -r "$WORLD/whole" "$state"
        eval "${how//STATE/$state}"
        refuses "$state"
        [[ $output == *"$says"* ]]
        if [ "$code" = 1 ]; then [[ $output == *"lkcoordd fsck"* && $output == *"lkcoordd restore"* ]]; fi
        cp "$state/journal.db" "$WORLD/untouched"
        run -"$code" lkcoordd fsck --state "$state"
        echo "$output"
        [[ $output == *"$finds"* ]]
        cmp "$state/journal.db" "$WORLD/untouched"
        run -4 lkcoordd restore --state "$state" "$WORLD/whole.backup"
        [[ $output == *"--replace"* ]]
        lkcoordd restore --replace --state "$state" "$WORLD/whole.backup"
        accepts "$state"
        lkcoordd fsck --state "$state"
    done 9<"$WORLD/damages"
}

@test "a log of SQLite's that lost its middle does not pass for a crash" {
    local wal=$WORLD/torn/journal.db-wal frames
    # A coordinator that was killed: its last records are only in the WAL.
    lkcoord push --org "$REGISTRY/demo" one
    world_kill coordinator KILL
    cp -r "$WORLD/coordinator" "$WORLD/killed"
    world_coordinator
    world_wait_agents 1
    rm -f "$WORLD/killed/journal.db-shm"
    cp -r "$WORLD/killed" "$WORLD/torn"
    lkcoordd fsck --state "$WORLD/killed"
    # SQLite believes what is before it, and says nothing of the rest.
    frames=$((($(stat -c %s "$wal") - 32) / 4120))
    [ "$frames" -ge 4 ]
    dd if=/dev/zero of="$wal" bs=1 seek=$((32 + frames / 2 * 4120 + 100)) count=3000 conv=notrunc status=none
    run -1 lkcoordd fsck --state "$WORLD/torn"
    [[ $output == *"the end is missing"* || $output == *"the last one, is missing"* ]]
    refuses "$WORLD/torn"
    [[ $output == *"its last record is"* ]]
}

@test "what is good of a damaged journal can be taken" {
    local state=$WORLD/partly
    cp -r "$WORLD/whole" "$state"
    flip_bit "$state" 9
    run -4 lkcoordd restore --replace --state "$state" "$state/journal.db"
    [[ $output == *"up to record 8, with --up-to-damage"* ]]
    lkcoordd restore --replace --up-to-damage --state "$state" "$state/journal.db"
    run -0 lkcoordd fsck --state "$state"
    [[ $output == *"9 records up to number 9"* ]]
    accepts "$state"
    [ -e "$state/journal.db.replaced-1" ]
}

@test "a damaged journal is not backed up, and no backup is written over" {
    local state=$WORLD/bad-source
    cp -r "$WORLD/whole" "$state"
    flip_bit "$state" 4
    run -4 lkcoordd backup --state "$state" "$WORLD/bad.backup"
    [[ $output == *"was not backed up"* && $output == *"record 4"* ]]
    [ ! -e "$WORLD/bad.backup" ]
    [ ! -e "$WORLD/bad.backup.partial" ]
    run -4 lkcoordd backup --state "$WORLD/whole" "$WORLD/whole.backup"
    [[ $output == *"is there already"* ]]
}

@test "nobody restores under a coordinator that runs" {
    run -4 lkcoordd restore --replace --config "$WORLD/lkcoordd.yml" "$WORLD/whole.backup"
    [[ $output == *"another lkcoordd works on"* ]]
}

@test "a backup of a running coordinator, restored: agents come back, nothing is built twice, pushes go on" {
    new_small_package two "arches: [amd64]"
    new_small_package three "arches: [amd64]"
    lkcoord push --org "$REGISTRY/demo" two
    for i in 1 2 3 4 5; do
        lkcoordd backup --config "$WORLD/lkcoordd.yml" "$WORLD/during.$i"
        lkcoordd fsck "$WORLD/during.$i"
    done
    # What comes after the backup is lost with the disk.
    lkcoord push --org "$REGISTRY/demo" three
    world_kill coordinator KILL
    rm "$WORLD/coordinator"/journal.*
    run -0 lkcoordd restore --config "$WORLD/lkcoordd.yml" "$WORLD/during.5"
    [[ $output == *"up to record"* ]]
    world_coordinator
    world_wait_agents 1
    run -0 lkcoord push --org "$REGISTRY/demo" two three
    new_small_package four "arches: [amd64]"
    run -0 lkcoord push --progress plain --org "$REGISTRY/demo" four
    # The number of a push that was lost is never given again.
    [[ $(sed -nE 's/^push ([0-9]+).*/\1/p' <<<"$output" | head -n 1) -gt 100000 ]]
}

@test "an older state that was put back by hand goes past what an agent knows" {
    local epoch
    world_kill coordinator
    cp -r "$WORLD/coordinator" "$WORLD/older"
    for i in 1 2 3; do
        world_coordinator
        world_wait_agents 1
        world_kill coordinator
    done
    epoch=$(sql "$WORLD/coordinator" "SELECT value FROM meta WHERE name='epoch'")
    rm -r "$WORLD/coordinator"
    cp -r "$WORLD/older" "$WORLD/coordinator"
    world_coordinator
    world_wait_agents 1
    grep -q 'msg="an older state was put in place' "$WORLD/log/coordinator.log"
    new_small_package five "arches: [amd64]"
    lkcoord push --org "$REGISTRY/demo" five
    world_kill coordinator
    run -0 lkcoordd fsck --state "$WORLD/coordinator"
    [[ $output =~ epoch\ ([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -gt "$epoch" ]
    world_coordinator
    world_wait_agents 1
}

has_compacted() {
    grep -q '"journal compacted"' <(tail -n "+$1" "$WORLD/log/coordinator.log")
}

@test "a journal that has grown long is compacted while pushes go on" {
    local i from
    world_kill coordinator
    # Just short of what is long, some of it forgotten.
    "$ROOT/${LONG_JOURNAL:-build/$CONFIG/tests/tools/long_journal}" "$WORLD/coordinator" 320
    from=$(($(wc -l <"$WORLD/log/coordinator.log") + 1))
    world_coordinator
    world_wait_agents 1
    run ! has_compacted "$from"
    for ((i = 0; i < 20; i++)); do
        new_small_package "more$i" "arches: [amd64]"
        lkcoord push --org "$REGISTRY/demo" "more$i"
        ! has_compacted "$from" || break
    done
    has_compacted "$from"
    world_kill coordinator KILL
    run -0 lkcoordd fsck --state "$WORLD/coordinator"
    [[ $output =~ ([0-9]+)\ records ]]
    [ "${BASH_REMATCH[1]}" -lt 9000 ]
    world_coordinator
    world_wait_agents 1
    run -0 lkcoord push --org "$REGISTRY/demo" more0 "more$i"
    [[ $output == *"nothing to do"* ]]
    world_kill coordinator
    lkcoordd fsck --state "$WORLD/coordinator"
    world_coordinator
    world_wait_agents 1
}

@test "fsck, backup and restore say how they are used" {
    run -0 lkcoordd fsck --help
    [[ $output == usage:* && $output == *"--up-to-damage"* ]]
    run -2 lkcoordd fsck
    run -2 lkcoordd backup --state "$WORLD/whole"
    run -2 lkcoordd restore "$WORLD/whole.backup"
    run -2 lkcoordd fsck --replace --state "$WORLD/whole"
    run -4 lkcoordd fsck "$WORLD/nothing-here"
    run -0 lkcoordd --help
    [[ $output == *"fsck | backup | restore"* ]]
}
