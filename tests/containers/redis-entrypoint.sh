#!/bin/sh
# The stand-in's entry point does what that of Redis's official image does, which here has no module to load; see
# official_images.py.
set -eu
case $1 in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    chown -R redis .
    exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
exec "$@"
