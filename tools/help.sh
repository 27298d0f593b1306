#!/usr/bin/env bash
# Prints make's targets by use, from the comments `## group: text` in the Makefile; of the last two groups names alone,
# as whoever wants those reads CONTRIBUTING.md or docs/commands.md first.
set -euo pipefail
makefile=$1

targets() { sed -nE "s/^([a-z0-9%-]+):.*## $1: (.*)/\1\t\2/p" "$makefile"; }
group() { printf '%s\n' "$2"; targets "$1" | while IFS=$'\t' read -r name text; do printf '  %-18s%s\n' "$name" "$text"; done; }
names() { printf '%s\n' "$2"; targets "$1" | cut -f 1 | tr '\n' ' ' | fold -s -w 96 | sed -E 's/^/  /; s/ +$//'; echo; }

group break 'break something'
group see 'see what came of it'
group stack 'the system'
group play 'play'
names work 'work on it (CONTRIBUTING.md)'
names long 'what takes minutes to hours (docs/commands.md)'
