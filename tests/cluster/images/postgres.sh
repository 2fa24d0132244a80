#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The first start makes a cluster for POSTGRES_USER with POSTGRES_PASSWORD and creates POSTGRES_DB.
# Meanwhile, as in the official image, a server answers on the unix socket only, and is ended again:
# pg_isready without a host is satisfied by it.
set -eu
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --init-groups bash "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?}"
    user=${POSTGRES_USER:-postgres} database=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
    initdb --username "$user" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") -D "$PGDATA" \
        --auth-local trust --auth-host scram-sha-256
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    sed -i "s/^#\?listen_addresses.*/listen_addresses = '*'/" "$PGDATA/postgresql.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    [ "$database" = postgres ] || createdb --username "$user" "$database"
    sleep "${STAND_IN_SECONDS:-5}" # scripts of the first start would run here
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
