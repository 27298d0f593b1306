#!/usr/bin/env bash
# audit.sh: asks whether anything that is installed or built here has a known vulnerability: the locked Python packages
# (pip-audit) and the Go programs of the stack (govulncheck). Exits 0: none is known; 1: there are some, printed; 2: it could
# not be found out, as without a network, which is no clean bill.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/built.sh"
cache=$(cache_folder)/audit
say() { printf 'audit: %s\n' "$*" >&2; }
unknown() { say "$1 (is there a network?)"; exit 2; }
. "$root/tools/packages.sh"
# Without a network five tries would take half a minute.
export PIP_RETRIES=${PIP_RETRIES:-1} PIP_DISABLE_PIP_VERSION_CHECK=1
found=0

install_pip_audit() {
    local locked
    locked=$(sha256sum <"$root/tools/audit/requirements.lock" | cut -c1-16)
    [ "$(cat "$cache/done" 2>/dev/null)" != "$locked" ] || return 0
    rm -rf "$cache" && mkdir -p "$cache" && "$(find_python)" -m venv "$cache/python" &&
        "$cache/python/bin/pip" install -q --require-hashes -r "$root/tools/audit/requirements.lock" &&
        echo "$locked" >"$cache/done"
}

# audit_python LOCK: what it found is a file of pip-audit's; there is none where it could not ask.
audit_python() {
    local report=$cache/report.json
    rm -f "$report"
    # Strict: a package that the index does not know would else be left out, and the rest called clean.
    if "$cache/python/bin/pip-audit" --strict --progress-spinner off --disable-pip --require-hashes -r "$root/$1" \
        -f json -o "$report" >&2; then
        say "$1: nothing is known"
    elif [ -s "$report" ]; then
        "$cache/python/bin/python" -c '
import json, sys
for package in json.load(open(sys.argv[1]))["dependencies"]:
    for one in package.get("vulns", ()):
        print(package["name"], package["version"], one["id"], "mended in", ", ".join(one["fix_versions"]) or "none")
' "$report"
        found=1
    else
        unknown "$1: pip-audit could not ask for advisories"
    fi
}

# In source mode, by package: what is imported, whether or not it is called. govulncheck exits 3 for what it has found.
audit_go() {
    local status=0
    (cd "$root/tools" && GOBIN=$cache GOTOOLCHAIN=local go install -modfile=audit/govulncheck.mod \
        golang.org/x/vuln/cmd/govulncheck >&2) || unknown "govulncheck cannot be built"
    (cd "$root/tools" && "$cache/govulncheck" -scan package github.com/Shopify/toxiproxy/v2/cmd/server \
        github.com/jaegertracing/jaeger/cmd/jaeger) || status=$?
    case $status in
        0) say "the Go programs: nothing is known" ;;
        3) found=1 ;;
        *) unknown "the Go programs: govulncheck could not ask for advisories" ;;
    esac
}

install_pip_audit || unknown "pip-audit cannot be installed"
for lock in requirements.lock compose/standalone/services.lock tools/browser/requirements.lock tools/audit/requirements.lock; do
    audit_python "$lock"
done
audit_go
exit $found
