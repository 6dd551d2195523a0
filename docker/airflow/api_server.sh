#!/usr/bin/env bash
# Migrates the database, makes the pool, and starts Airflow's API server. The other services wait for it.
set -euo pipefail
umask 077
passwords=$AIRFLOW_HOME/passwords.json
printf '{"admin": "%s"}\n' "$AIRFLOW_ADMIN_PASSWORD" > "$passwords"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=admin:admin
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=$passwords
airflow db migrate
python -m orchestration.pools
exec airflow api-server
