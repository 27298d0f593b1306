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
