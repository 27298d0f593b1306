# Sourced: which runtime is meant, which of the distribution's packages it lacks, and their installation by apt.
# Uses say, fail, root, cache and logs.
sudo=''
. "$root/tools/held_back.sh"

# Prints the folder that a running stack writes to, as compose/settings.py has it.
state_folder() { echo "${STORMDRILL_STATE:-/var/tmp/stormdrill-$(id -u)-${STORMDRILL_PORT_BASE:-18000}}"; }

# Prints which runtime is meant: RUNTIME, else that of the stack that is up (the first word of the mark in its folder),
# else native.
runtime() {
    local up=''
    { read -r up _ <"$(state_folder)/stormdrill-stack"; } 2>/dev/null || true
    up=${RUNTIME:-${up:-native}}
    case $up in
        native | compose | swarm) echo "$up" ;;
        *) fail "RUNTIME: '$up': must be native or compose or swarm" ;;
    esac
}

# Whether this can be a drill's machine: processes and the clock that goes on in sleep are read as only Linux has them.
assert_linux() {
    [ "$(uname -s)" = Linux ] || fail "drills need Linux, which $(uname -s) is not: use a virtual machine; \
the system alone, without drills, comes up with docker compose (docs/containers.md)"
}

# Prints the first Python that is new enough and can make an environment, else one that is new enough, or what was found
# before; the distribution's own comes last.
find_python() {
    local candidate needs
    if [ -n "${found_python:-}" ]; then
        echo "$found_python"
        return
    fi
    for needs in 'sys, ensurepip, venv' sys; do
        for candidate in python3.14 python3.13 python3.12 python3.11 python3; do
            if "$candidate" -c "import $needs; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then
                command -v "$candidate"
                return
            fi
        done
    done
    return 1
}

has_postgres() { command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# Prints the packages that are missing for this: python, compose, swarm, native, claims, browser, foreign or workflows; one
# a line. One that dpkg was
# interrupted in is missing as well, though its programs may be there.
missing_packages() {
    {
        missing_programs "$1"
        case $1 in
            native | foreign) half_installed $server_packages $engine_packages $python_packages ;;
            claims) half_installed $server_packages $load_packages $engine_packages $python_packages ;;
            python | workflows) half_installed $python_packages ;;
            browser) half_installed $browser_packages $python_packages ;;
            *) half_installed $engine_packages $python_packages ;;
        esac
    } | sort -u
}

server_packages='haproxy redis-server redis-tools util-linux prometheus prometheus-alertmanager
    prometheus-postgres-exporter prometheus-redis-exporter postgresql postgresql-common'
engine_packages='docker.io containerd mmdebstrap iproute2'
python_packages='python3 python3-venv'
browser_packages='chromium npm'
load_packages='wrk'

# Prints those of these packages whose installation has begun and not ended. What was removed is none, also if its
# configuration is still there.
half_installed() {
    local status package
    command -v dpkg-query >/dev/null || return 0
    # It fails where it knows one of them not.
    { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } | while read -r status package; do
        case $status in
            half-installed | unpacked | half-configured | triggers-awaited | triggers-pending) echo "$package" ;;
        esac
    done
}

missing_for_an_engine() {
    command -v dockerd >/dev/null || echo docker.io
    command -v mmdebstrap >/dev/null || echo mmdebstrap
    command -v ip >/dev/null || echo iproute2
}

# Prints the packages of programs that are not there.
missing_programs() {
    local python
    case $1 in native | claims | foreign) missing_servers ;; esac
    [ "$1" != claims ] || command -v wrk >/dev/null || echo wrk
    [ "$1" != foreign ] || command -v etcd >/dev/null || echo etcd-server
    [ "$1" != foreign ] || PATH=$PATH:/usr/sbin command -v sshd >/dev/null || echo openssh-server
    if [ "$1" = browser ]; then
        command -v chromium >/dev/null || echo chromium
        command -v npm >/dev/null || echo npm
    fi
    case $1 in
        python | browser | workflows) ;;
        *) [ -z "${STORMDRILL_OWN_DOCKER:-}" ] || missing_for_an_engine ;;
    esac
    if python=$(find_python); then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    else
        echo python3 python3-venv | tr ' ' '\n'
    fi
}

missing_servers() {
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
}

# Opens the lock of all who install packages on this machine, whoever they are and whatever their cache. It is on the folder
# that the policy is made in: everybody can open that, and the lock leaves no file.
open_machines_lock() { exec 9<"${policy%/*}"; }

# Clears up after a set-up that was killed; one that is at work has the lock.
clear_up_after_killed() {
    any_traces || return 0
    [ "$(id -u)" = 0 ] || sudo=sudo
    open_machines_lock
    if flock -n 9; then clear_up_traces; fi
    exec 9<&-
}

# install_packages WHAT: as missing_packages. Asks first where there is a terminal.
install_packages() {
    local packages answer
    clear_up_after_killed
    packages=$(missing_packages "$1" | tr '\n' ' ')
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
    apt_install "$1"
    packages=$(missing_packages "$1" | tr '\n' ' ')
    [ -z "${packages// /}" ] || fail "still missing after the install: $packages(is this Python older than 3.11?)"
    say "packages installed"
}

# apt_install WHAT: installs what is still missing when nobody else is at it.
apt_install() {
    local packages
    # Of two set-ups at a time the first to end would let the other's services start.
    open_machines_lock
    flock -n 9 || {
        say "waiting for another set-up, which installs packages on this machine"
        flock 9
    }
    packages=$(missing_packages "$1" | tr '\n' ' ')
    [ -n "${packages// /}" ] || { exec 9<&-; return 0; }
    say "installing packages: $packages"
    hold_services_back || fail "services cannot be held back: $cache or $policy cannot be written"
    {
        finish_interrupted
        $sudo apt-get update -q &&
            $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 \
                install -y -q --fix-broken --no-remove --no-install-recommends $packages
    } </dev/null >"$logs/apt.log" 2>&1 9<&- || fail "apt failed, see $logs/apt.log"
    release_services
    exec 9<&-
}

# An interrupted dpkg leaves packages half installed, and apt refuses to go on from its journal. What fails here, as what
# one depends on was not unpacked yet, or as somebody else's apt is at work, is apt's to do or to say.
finish_interrupted() {
    ! command -v dpkg >/dev/null ||
        $sudo env DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a || true
}
