# What the official image does with POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD.
set -e
PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
data=/var/lib/postgresql/data
as="setpriv --reuid=postgres --regid=postgres --init-groups"
mkdir -p /var/run/postgresql
chown postgres:postgres "$data" /var/run/postgresql
if [ ! -s "$data/PG_VERSION" ]; then
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  $as initdb -D "$data" -U "$POSTGRES_USER" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
  $as pg_ctl -D "$data" -w start -o "-c listen_addresses=''"
  $as createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
  $as pg_ctl -D "$data" -m fast -w stop
fi
exec $as postgres -D "$data" -c listen_addresses='*'
