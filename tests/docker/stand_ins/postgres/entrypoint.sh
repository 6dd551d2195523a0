#!/bin/bash
# Does what the postgres image does: the first time, makes a database and runs the scripts in /docker-entrypoint-initdb.d.
set -euo pipefail
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --auth-host=scram-sha-256 --auth-local=trust --pwfile=<(echo "$POSTGRES_PASSWORD")
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  pg_ctl start --wait --options="-c listen_addresses='' -k /tmp"
  createdb --host=/tmp --username="$POSTGRES_USER" "$POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sql; do
    psql --host=/tmp --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --file="$script"
  done
  pg_ctl stop
fi
exec postgres -c "listen_addresses=*" -k /tmp
