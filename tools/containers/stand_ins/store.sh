set -eu
data=/var/lib/postgresql/data
if [ ! -s $data/PG_VERSION ]; then
    initdb -D $data --encoding=UTF8 -A scram-sha-256 --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE"
    echo "host all all all scram-sha-256" >> $data/pg_hba.conf
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D $data postgres
fi
exec postgres -D $data -c "listen_addresses=*" -c unix_socket_directories=/tmp
