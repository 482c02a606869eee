#!/bin/bash
# Run by the image of PostgreSQL when it makes its cluster: a user and databases for Temporal and for Orderly's
# journal. The passwords go through psql's variables, so that no process shows them.
set -euo pipefail
psql --quiet -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres <<'SQL'
\set temporal `cat /run/secrets/temporal_db_password`
\set orderly `cat /run/secrets/orderly_db_password`
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
-- CREATEDB: a backup is verified by restoring it into a database of its own.
CREATE ROLE orderly LOGIN CREATEDB PASSWORD :'orderly';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE DATABASE orderly OWNER orderly;
ALTER ROLE temporal CREATEDB;
SQL
