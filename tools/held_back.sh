# Sourced: what apt installs is neither started nor left enabled, and what was there before stays as it was.
# `make up` starts the servers as processes of its own. policy-rc.d, while it is there, keeps the packages' scripts from
# starting services, by systemd or without it. It does not keep them from enabling services for the next boot, also in a
# container or a chroot: they make symbolic links, so the links that are new afterwards are taken away again.
# STORMDRILL_SYSTEM is where the file system in question begins; only tests set it. Uses say, and sudo, the command in front.

policy=${STORMDRILL_SYSTEM:-}/usr/sbin/policy-rc.d
policy_mark='made by the set-up of Stormdrill while it installs packages'
enabled_before=''

# Prints the links that start something at boot or on demand: services, sockets, timers, init scripts. A link to
# /dev/null is the contrary.
enabled_links() {
    {
        find "${STORMDRILL_SYSTEM:-}/etc/systemd/system" "${STORMDRILL_SYSTEM:-}/etc/systemd/user" -type l ! -lname /dev/null
        find "${STORMDRILL_SYSTEM:-}"/etc/rc?.d -type l -name 'S??*'
        true
    } 2>/dev/null | LC_ALL=C sort
}

# Whether the policy that is there is a set-up's.
left_behind() { grep -qs "$policy_mark" "$policy"; }

# From here to release_services, which also runs however the script ends, SIGKILL excepted: then the next one clears up.
hold_services_back() {
    enabled_before=$(enabled_links)
    trap release_services EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\n# %s\nexit 101\n' "$policy_mark" | $sudo tee "$policy" >/dev/null
        $sudo chmod 755 "$policy"
    fi
}

release_services() {
    trap '' HUP INT TERM
    trap - EXIT
    if left_behind; then $sudo rm -f "$policy"; fi
    disable_new || say "not all could be disabled; \`make doctor\` names what is enabled"
    trap - HUP INT TERM
}

# Reads links, prints those whose runlevel and service no line of enabled_before has: init scripts are numbered anew
# when another one comes.
new_links() {
    BEFORE=$enabled_before awk '
        function key(link) { if (link ~ /\/rc.\.d\/S[0-9][0-9]/) sub(/S[0-9][0-9]/, "S", link); return link }
        BEGIN { many = split(ENVIRON["BEFORE"], links, "\n"); for (n = 1; n <= many; n++) known[key(links[n])] = 1 }
        !(key($0) in known)'
}

disable_new() {
    local link new names=''
    new=$(enabled_links | new_links)
    [ -n "$new" ] || return 0
    while read -r link; do
        case $link in
            # As update-rc.d disables it: an upgrade of the package then leaves it so.
            */etc/rc?.d/S*) $sudo mv -f "$link" "${link%/*}/K${link##*/S}" && names="$names ${link##*/S??}" ;;
            *) $sudo rm -f "$link" && names="$names ${link##*/}" ;;
        esac || return 1
    done <<<"$new"
    if [ -z "${STORMDRILL_SYSTEM:-}" ] && [ -d /run/systemd/system ]; then $sudo systemctl daemon-reload || true; fi
    say "not enabled, as they were not before:$(printf '%s\n' $names | LC_ALL=C sort -u | tr '\n' ' ' | sed 's/^/ /; s/ $//')"
}
