#!/usr/bin/env bash
# The stand-in's entry point does what that of Postgres's official image does, as its source says (see
# official_images.py): whatever it is given but `postgres`, it only becomes; data that are there, it leaves alone; else it
# makes them, with the user, and with the database, which is named like the user where nothing else is said; all that
# behind a server that nobody reaches by TCP. Written anew: nothing of the original is in it, and what no stack could come
# to need is left out (secrets in files, a folder of its own for the log, compressed scripts).
set -Eeo pipefail

settings() {
    : "${POSTGRES_USER:=postgres}" "${POSTGRES_PASSWORD:=}" "${POSTGRES_INITDB_ARGS:=}" "${POSTGRES_HOST_AUTH_METHOD:=}"
    : "${POSTGRES_DB:=$POSTGRES_USER}"
    export POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_INITDB_ARGS POSTGRES_HOST_AUTH_METHOD
}

folders() {
    mkdir -p "$PGDATA"
    # These two may fail: who says --user may not own them.
    chmod 0700 "$PGDATA" || true
    chmod 3775 /var/run/postgresql || true
    if [ "$(id -u)" = 0 ]; then
        chown -R postgres "$PGDATA" /var/run/postgresql
    fi
}

ask() {
    PGHOST='' psql --no-psqlrc --no-password -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$@"
}

make_database() {
    if [ -z "$(ask -d postgres -At -v name="$POSTGRES_DB" <<<"SELECT 1 FROM pg_database WHERE datname = :'name'")" ]; then
        ask -d postgres -v name="$POSTGRES_DB" <<<'CREATE DATABASE :"name"'
    fi
}

run_scripts() {
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
            *.sql) ask -d "$POSTGRES_DB" -f "$script" ;;
        esac
    done
}

make_data() {
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        exit 1
    fi
    eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") $POSTGRES_INITDB_ARGS"
    : "${POSTGRES_HOST_AUTH_METHOD:=$(postgres -C password_encryption)}"
    printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
    export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
    set -- "$@" -c listen_addresses='' -p "${PGPORT:-5432}"
    pg_ctl -D "$PGDATA" -o "$(printf '%q ' "$@")" -w start
    make_database
    run_scripts
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
}

if [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi
if [ "$1" = postgres ]; then
    settings
    folders
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
    fi
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        make_data "${@:2}"
    fi
fi
exec "$@"
