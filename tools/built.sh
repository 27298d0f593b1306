# Sourced: where the programs lie that set-up builds. Uses root.

# Prints the folder of what set-up makes outside the checkout, as compose/tools.py has it.
cache_folder() { echo "${STORMDRILL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stormdrill}"; }

# Prints the folder for programs of this checkout's modules, one for each state of them all, as compose/tools.py has it: a
# program of another version is another program.
built_folder() {
    local key
    key=$(cd "$root/tools" && find . -name 'go.*' -o -name '*.go' | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-12)
    echo "$(cache_folder)/bin/$key"
}

# use_built FOLDER: makes it, notes that it is used, and removes those beside it that were not for a month.
use_built() {
    local old
    mkdir -p "$1"
    # Another user's folder may be read and not be touched.
    touch "$1" 2>/dev/null || true
    # Nothing but what has a key for its name. Another set-up may be removing the same.
    old=$(find "$(dirname "$1")" -mindepth 1 -maxdepth 1 -type d -mtime +30 \
        -name "$(printf '[0-9a-f]%.0s' {1..12})" 2>/dev/null) || true
    [ -n "$old" ] || return 0
    say "removing programs of versions that were not used for a month: $(tr '\n' ' ' <<<"$old")"
    tr '\n' '\0' <<<"$old" | xargs -0 rm -rf || say "not all of them could be removed"
}
