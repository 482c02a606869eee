#!/bin/bash
# Starts PostgreSQL as the official image does: makes the cluster on the first start, from POSTGRES_USER,
# POSTGRES_DB, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE and what lies in /docker-entrypoint-initdb.d. And
# Redis as its official image does: on /data, as a user of its own. Any other command is run as it is.
set -euo pipefail
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH

if [ "${1:-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
    mkdir -p /data
    chown -R redis:redis /data
    cd /data
    exec setpriv --reuid=redis --regid=redis --clear-groups -- "$@"
fi
[ "${1:-}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown postgres:postgres "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:?set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE}")}
    initdb --username "$user" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") --auth-local trust --auth-host scram-sha-256 >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    # Over the socket only, so that nobody connects before everything is made.
    pg_ctl --silent --wait --options "-c listen_addresses=''" start
    db=${POSTGRES_DB:-$user}
    [ "$db" = postgres ] || psql --quiet -v ON_ERROR_STOP=1 -U "$user" -d postgres -c "CREATE DATABASE \"$db\""
    for f in /docker-entrypoint-initdb.d/*; do
        case $f in
        *.sh) POSTGRES_USER=$user POSTGRES_DB=$db bash "$f" ;;
        *.sql) psql --quiet -v ON_ERROR_STOP=1 -U "$user" -d "$db" -f "$f" >/dev/null ;;
        esac
    done
    pg_ctl --silent --wait --mode fast stop
fi
shift
exec postgres -c listen_addresses='*' "$@"
