#!/bin/sh
# The role of the service's processes: it can neither change tables nor alter the audit trail (docs/security.md).
# PostgreSQL's image runs this when it makes the database; "db upgrade --application-role" gives the rights.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE facialis_service LOGIN PASSWORD :'password';
SQL
