# Sourced: who listens on this machine, by what the kernel says, as neither ss nor Python need be there.

# taken_ports FIRST LAST: prints the port and its owner of each in the range that somebody listens on.
taken_ports() {
    local address inode port owner
    # 0A is the state LISTEN; the port is in hexadecimal.
    awk '$4 == "0A" {print $2, $10}' /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r address inode; do
        port=$((16#${address##*:}))
        if [ $port -ge "$1" ] && [ $port -le "$2" ]; then
            owner=$(owner_of "$inode")
            echo "$port ${owner:-a process of another user}"
        fi
    done | sort -u -n -k 1,1
}

# Says what taken_ports has printed in one line: another stack alone takes some fifty ports.
taken_in_words() {
    local taken count
    taken=$(cat)
    count=$(wc -l <<<"$taken")
    if [ "$count" = 1 ]; then
        echo "port ${taken%% *} is taken by ${taken#* }: end it"
    else
        echo "$count ports are taken, $(port_ranges <<<"$taken"), by $(port_owners <<<"$taken"): end them"
    fi
}

# 18000-18019, 18024
port_ranges() {
    awk '
        function add() { all = all (all == "" ? "" : ", ") first (first == last ? "" : "-" last) }
        NR > 1 && $1 != last + 1 { add(); first = $1 }
        NR == 1 { first = $1 }
        { last = $1 }
        END { add(); print all }
    '
}

# haproxy (pid 12), redis-server (pids 7, 8)
port_owners() {
    awk '
        {
            sub(/^[0-9]+ /, "")
            name = $0
            pid = ""
            # A name may hold brackets of its own.
            if (match($0, / \(pid [0-9]+\)$/)) {
                name = substr($0, 1, RSTART - 1)
                pid = substr($0, RSTART + 6, RLENGTH - 7)
            }
            if (!(name in pids)) { names[++count] = name; pids[name] = "" }
            if (pid != "" && !((name, pid) in seen)) {
                seen[name, pid]
                pids[name] = pids[name] (pids[name] == "" ? "" : ", ") pid
            }
        }
        END {
            for (i = 1; i <= count; i++) {
                all = all (i == 1 ? "" : ", ") names[i]
                if (pids[names[i]] != "") all = all " (pid" (pids[names[i]] ~ /,/ ? "s" : "") " " pids[names[i]] ")"
            }
            print all
        }
    '
}

# Prints the name and pid of the process that has this socket open.
owner_of() {
    local file pid
    file=$(find /proc/[0-9]*/fd -lname "socket:\[$1\]" -print -quit 2>/dev/null)
    [ -n "$file" ] || return 0
    pid=${file#/proc/}
    pid=${pid%%/*}
    echo "$(cat "/proc/$pid/comm") (pid $pid)"
}

# Whether the supervisord of the stack in this folder runs; every runtime has one. Its pid alone does not tell: after a
# reboot another process has it.
stack_runs() {
    local pid='' argument
    { read -r pid <"$1/supervisord.pid"; } 2>/dev/null
    [ -n "$pid" ] || return 1
    while read -r -d '' argument; do
        [ ! "$argument" -ef "$1/config/supervisord.conf" ] || return 0
    done 2>/dev/null <"/proc/$pid/cmdline"
    return 1
}
