#!/bin/sh
# Does what the stack asks of the entry point of Postgres's official image: makes the database once, runs the scripts
# that are mounted for that, and becomes the server.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --auth=trust $POSTGRES_INITDB_ARGS
    echo "host all all all $POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
    for script in /docker-entrypoint-initdb.d/*.sh; do
        . "$script"
    done
fi
exec "$@"
