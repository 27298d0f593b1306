#!/bin/sh
# The stand-in's entry point does what that of HAProxy's official image does; see official_images.py.
set -eu
case $1 in -*) set -- haproxy "$@" ;; esac
if [ "$1" = haproxy ]; then
    shift
    set -- haproxy -W -db "$@"
fi
exec "$@"
