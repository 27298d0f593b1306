#!/bin/sh
# launch.sh LEDGER NAME COMMAND...: notes which process this is, then becomes COMMAND.
# The note (pid, start time in clock ticks, name) is how `down` and `undo` find exactly their own
# processes also when the process manager died; a pid alone may belong to somebody else by then.
set -eu
ledger=$1 name=$2
shift 2
read -r stat </proc/$$/stat
# Field 22 is the start time; the command's name (field 2) may hold blanks, so count behind its bracket.
rest=${stat##*) }
start=$(set -- $rest; shift 19; echo "$1")
echo "$$ $start $name" >>"$ledger"
exec "$@"
