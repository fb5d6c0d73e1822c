-- Where the migrations note what they applied.
CREATE SCHEMA IF NOT EXISTS session_bridge;
COMMENT ON SCHEMA session_bridge IS 'History of the session bridge''s migrations.';
SET search_path = pg_catalog, pg_temp;
