#!/usr/bin/env bash
# Airflow's API server. It brings the database up to date and makes the pool first: the other services wait for it.
set -euo pipefail
umask 077
passwords=$AIRFLOW_HOME/passwords.json
printf '{"admin": "%s"}\n' "$AIRFLOW_ADMIN_PASSWORD" > "$passwords"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=admin:admin
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=$passwords
airflow db migrate
python -m orchestration.pools
exec airflow api-server
