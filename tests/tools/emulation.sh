#
# Sourced: lets this machine run arm64 and s390x programs through Debian's qemu-user-static while
# somebody needs it, and puts everything back afterwards.
#
# What the kernel already has is used and left alone.  What is missing is registered under names that
# begin with "lkcoord-", so that whoever is the last to need it knows what to take away; being in need
# is a shared lock, which ends with its holder even if that one is killed.

BINFMT=/proc/sys/fs/binfmt_misc
EMULATED="aarch64 s390x"
binfmt_lock=/usr/lib/binfmt.d/qemu-s390x.conf

# F: the kernel keeps the interpreter open, so that it works inside a container.
binfmt_is_registered() {
    grep -qsE '^flags:.*F' "$BINFMT/qemu-$1" "$BINFMT/lkcoord-$1"
}

binfmt_register() {
    sed 's/^:qemu-/:lkcoord-/' "/usr/lib/binfmt.d/qemu-$1.conf" >"$BINFMT/register"
} 2>/dev/null

# PIDFILE: the process named in it holds our need until it is killed.
emulation_need() {
    local pidfile=$1 machine lock
    exec {lock}<"$binfmt_lock"
    flock -s "$lock"
    setsid sleep infinity </dev/null >/dev/null 2>&1 3>&- 4>&- &
    echo $! >"$pidfile"
    disown $!
    exec {lock}<&-
    # Somebody else may be doing the same right now: what counts is that it is there afterwards.
    [ -e "$BINFMT/status" ] || mount -t binfmt_misc lkcoord "$BINFMT" 2>/dev/null || [ -e "$BINFMT/status" ]
    for machine in $EMULATED; do
        binfmt_is_registered "$machine" || binfmt_register "$machine" || binfmt_is_registered "$machine"
    done
}

# Call when the holder has ended.  Does nothing while somebody else is in need.
emulation_undo() (
    exec {lock}<"$binfmt_lock"
    flock -n -x "$lock" || exit 0
    for machine in $EMULATED; do
        [ ! -e "$BINFMT/lkcoord-$machine" ] || echo -1 >"$BINFMT/lkcoord-$machine"
    done
    if grep -q " $BINFMT .* - binfmt_misc lkcoord " /proc/self/mountinfo; then
        umount "$BINFMT"
    fi
)
