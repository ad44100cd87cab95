#!/bin/bash
#
# Copies programs, example configurations, systemd units and what makes the coordinator's user and
# /etc/lkcoord below DESTDIR/PREFIX.  `make install` calls it with BIN, PREFIX and DESTDIR; it starts
# nothing, makes no user, and writes nothing outside these directories.
#
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BIN:=build/bin}" "${PREFIX:=/usr/local}" "${DESTDIR:=}"
root=$DESTDIR$PREFIX

install -d "$root"/{bin,sbin,libexec/lkcoord,share/{lkcoord,doc/lkcoord/examples},lib/systemd/system,lib/sysusers.d,lib/tmpfiles.d}
install -m 755 "$BIN/lkcoord" "$root/bin/"
install -m 755 "$BIN/lkcoord-online" "$root/libexec/lkcoord/"
install -m 755 "$BIN/lkcoordd" "$BIN/lkcoord-signd" "$BIN/lkagentd" "$root/sbin/"
install -m 644 deploy/examples/*.yml "$root/share/doc/lkcoord/examples/"
install -m 755 deploy/examples/sign-with-openssl "$root/share/doc/lkcoord/examples/"
install -m 644 deploy/pkg.mk "$root/share/lkcoord/"
install -m 644 LICENSE README.md "$root/share/doc/lkcoord/"
install -m 644 deploy/sysusers.d/*.conf "$root/lib/sysusers.d/"
install -m 644 deploy/tmpfiles.d/*.conf "$root/lib/tmpfiles.d/"
for unit in deploy/systemd/*.service; do
    install -m 644 "$unit" "$root/lib/systemd/system/"
    sed -i "s|@PREFIX@|$PREFIX|g" "$root/lib/systemd/system/$(basename "$unit")"
done
