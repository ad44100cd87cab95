#!/bin/bash
#
# Copies programs, example configurations and systemd units below DESTDIR/PREFIX.  `make install` calls it
# with BIN, PREFIX and DESTDIR; it starts nothing and writes nothing outside these directories.
#
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BIN:=build/bin}" "${PREFIX:=/usr/local}" "${DESTDIR:=}"
root=$DESTDIR$PREFIX

install -d "$root"/{bin,sbin,share/doc/lkcoord/examples,lib/systemd/system}
install -m 755 "$BIN/lkcoord" "$root/bin/"
install -m 755 "$BIN/lkcoordd" "$BIN/lkagentd" "$root/sbin/"
install -m 644 deploy/examples/*.yml "$root/share/doc/lkcoord/examples/"
install -m 644 LICENSE "$root/share/doc/lkcoord/"
for unit in deploy/systemd/*.service; do
    sed "s|@PREFIX@|$PREFIX|g" "$unit" >"$root/lib/systemd/system/$(basename "$unit")"
    chmod 644 "$root/lib/systemd/system/$(basename "$unit")"
done
