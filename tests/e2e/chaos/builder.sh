#!/bin/bash
# buildah, with a line in the book @STORE@/builds when a build begins and when it ends.
case " $* " in *" bud "*) ;; *) exec buildah "$@" ;; esac
for argument; do
    case $argument in --platform=linux/*) arch=${argument#--platform=linux/} ;; esac
done
what=$(cat "${!#}/what")
note() {
    echo "$1 $(date +%s%3N) $arch $what $$ ${2-}" >>"@STORE@/builds"
} 2>/dev/null
note begun
buildah "$@"
status=$?
note ended "$status"
exit "$status"
