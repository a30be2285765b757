#!/bin/sh
# Prints fresh secrets for compose.yaml, to be kept beside it as .env, which git ignores:
#   umask 077; MLFLOW_HOST=mlflow.example.org deploy/mlflow/secrets.sh > deploy/mlflow/.env
set -eu
: "${MLFLOW_HOST:?the name of the server, such as mlflow.example.org}"

hex() {
    openssl rand -hex "$1"
}

cat <<EOF
MLFLOW_HOST=${MLFLOW_HOST}
MLFLOW_ADMIN_PASSWORD=$(hex 24)
MLFLOW_SESSION_KEY=$(hex 32)
POSTGRES_PASSWORD=$(hex 24)
S3_ACCESS_KEY=GK$(hex 12)
S3_SECRET_KEY=$(hex 32)
GARAGE_RPC_SECRET=$(hex 32)
EOF
