# What `make install` leaves behind, used from there.

load helper

setup_file() {
    use_world
    mkdir -p "$WORLD/state"
    BIN=$LK_BIN DESTDIR=$WORLD/root PREFIX=/usr "$ROOT/deploy/install.sh"
}

setup() {
    unset LKCOORD_CONFIG
    export HOME=$WORLD XDG_STATE_HOME=$WORLD/state XDG_CONFIG_HOME=$WORLD/none PATH=/usr/bin:/bin
    INSTALLED=$WORLD/root/usr
}

teardown_file() {
    rm -rf "$WORLD"
}

@test "lkcoord finds its other part, wherever both are and by whatever name it is called" {
    ln -s "$INSTALLED/bin/lkcoord" "$WORLD/a-link"
    run -0 "$WORLD/a-link" version
    [[ $output == "lkcoord "* ]]
    mv "$WORLD/root" "$WORLD/moved"
    run -0 "$WORLD/moved/usr/bin/lkcoord" help
    mv "$WORLD/moved" "$WORLD/root"
    [[ $output == *show-tag*verify* ]]
}

@test "without its other part it says what is missing, and show-tag still works" {
    mv "$INSTALLED/libexec" "$WORLD/aside"
    run -4 "$INSTALLED/bin/lkcoord" version
    [[ $output == *lkcoord-online*libexec*"make install"* ]]
    run -0 "$INSTALLED/bin/lkcoord" show-tag --help
    mv "$WORLD/aside" "$INSTALLED/libexec"
}

# Loading them would take longer than finding the tags of forty packages.
@test "show-tag loads no library of the network" {
    run -0 ldd "$INSTALLED/bin/lkcoord"
    [[ $output == *libgit2* ]]
    [[ $output != *libcurl* && $output != *zmq* ]]
}

@test "the private daemons are found although they are not on the PATH" {
    run -0 timeout 60 "$INSTALLED/bin/lkcoord" status --local
    [[ $output == *"$XDG_STATE_HOME"* ]]
}

@test "the signer and its examples are there" {
    run "$INSTALLED/sbin/lkcoord-signd" --help
    [[ $output == *--config* ]]
    [ -x "$INSTALLED/share/doc/lkcoord/examples/sign-with-openssl" ]
}

# Below their prefix, for systemd looks for the programs too.
@test "systemd finds nothing wrong with the units and the users" {
    BIN=$LK_BIN DESTDIR='' PREFIX=$WORLD/prefix "$ROOT/deploy/install.sh"
    cd "$WORLD/prefix/lib"
    for program in lkagentd lkcoordd lkcoord-signd; do
        [ -f "systemd/system/$program.service" ]
        run -0 systemd-analyze verify --man=no "$PWD/systemd/system/$program.service"
        [[ $output != *"$program"* ]]
    done
    run -0 systemd-sysusers --dry-run --root="$WORLD/root" "$PWD/sysusers.d/lkcoord.conf"
    for unit in systemd/system/lkcoord*.service; do
        [[ $output == *"user '$(sed -n 's/^User=//p' "$unit")'"* ]]
    done
}
