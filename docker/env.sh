#!/usr/bin/env bash
# Prints the variables that docker-compose.yml needs: facts about this machine, and new secrets.
set -euo pipefail
secret() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }  # URL-safe base64, as Fernet keys require

user=$(id -u)
[ "$user" != 0 ] || user=50000  # no container runs as root
socket=${DOCKER_SOCKET:-/var/run/docker.sock}
socket_group=$(stat -L -c %g "$socket" 2>/dev/null || echo 0)
cat <<END
ANTM2C_DATA='$(pwd)/var/compose'
USER_ID=$user
DOCKER_SOCKET='$socket'
DOCKER_SOCKET_GROUP=$socket_group
AIRFLOW_ADMIN_PASSWORD=$(secret)
AIRFLOW_FERNET_KEY=$(secret)
AIRFLOW_JWT_SECRET=$(secret)
AIRFLOW_SECRET_KEY=$(secret)
POSTGRES_PASSWORD=$(secret)
ANTM2C_SERVING_TOKEN=$(secret)
REDIS_PASSWORD=$(secret)
END
