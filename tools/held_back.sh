# Sourced: what apt installs is neither started nor left enabled, and what was there before stays as it was.
# `make up` starts the servers as processes of its own. policy-rc.d, while it is there, keeps the packages' scripts from
# starting services, by systemd or without it. It does not keep them from enabling services for the next boot, also in a
# container or a chroot: they make symbolic links, so the links that are new afterwards are taken away again.
# STORMDRILL_SYSTEM is where the file system in question begins; only tests set it. Uses say, cache, and sudo, the command in
# front.

policy=${STORMDRILL_SYSTEM:-}/usr/sbin/policy-rc.d
policy_mark='made by the set-up of Stormdrill while it installs packages'
enabled_before=''
# The last line of the list of links from before, without which it is not whole.
list_end='end of the links from before'

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

# Keeps the links of now until release_services has ended, for the next set-up if this one is killed. The list gets its name
# when it is whole: by half of one, what was there before would be disabled.
remember_before() {
    enabled_before=$(enabled_links)
    printf '%s\n' "$enabled_before" "$list_end" >"$cache/enabled-before.new" &&
        mv -f "$cache/enabled-before.new" "$cache/enabled-before"
}

# Takes the links from before a set-up that was killed. Not for longer than an hour: what came since may be the user's.
recall_before() {
    local list=$cache/enabled-before
    [ "$(tail -n 1 "$list" 2>/dev/null)" = "$list_end" ] && [ -n "$(find "$list" -mmin -60)" ] || return 1
    enabled_before=$(sed '$d' "$list")
}

# From here to release_services, which also runs however the script ends, SIGKILL excepted: then the next one clears up.
hold_services_back() {
    recall_before || remember_before || return 1
    trap release_services EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    [ ! -e "$policy" ] || return 0
    {
        printf '#!/bin/sh\n# %s\nexit 101\n' "$policy_mark" | $sudo tee "$policy" >/dev/null &&
            $sudo chmod 755 "$policy"
    } && return 0
    $sudo rm -f "$policy"
    return 1
}

release_services() {
    trap '' HUP INT TERM
    trap - EXIT
    remove_policy
    if disable_new; then rm -f "$cache/enabled-before"; else
        say "not all could be disabled; \`make doctor\` names what is enabled"
    fi
    trap - HUP INT TERM
}

remove_policy() {
    ! left_behind || $sudo rm -f "$policy" || say "$policy cannot be removed: no package's service starts until it is"
}

# Whether a set-up was killed, or is at work.
any_traces() { left_behind || [ -e "$cache/enabled-before" ]; }

# Ends what a killed set-up has begun; none may be at work.
clear_up_traces() {
    if recall_before; then
        release_services
        return
    fi
    remove_policy
    say "a set-up was killed; there is no list, or an old one, to tell what it has enabled: \`make doctor\` names that"
    rm -f "$cache/enabled-before"
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

# Prints what is enabled of the packages that set-up may install, each once.
enabled_of_ours() {
    local name unit
    enabled_links |
        sed -nE -e 's#.*\.wants/([^/]*)\.(service|socket|timer|path)$#\1 \1.\2#p' \
            -e 's#.*/S[0-9][0-9]([^/]*)$#\1 \1.service#p' |
        while read -r name unit; do
            case $name in
                haproxy | redis-server | postgresql | postgresql@* | docker | containerd) echo "$unit" ;;
                prometheus | prometheus-alertmanager | prometheus-*-exporter) echo "$unit" ;;
            esac
        done | LC_ALL=C sort -u
}
