-- Schemas. `vpd` holds what people call and read; `vpd_private` holds the rows and grants nothing to anyone.
-- Names inside the whole script are resolved in pg_catalog alone, so that objects planted beforehand are never used.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the encoding of this database is %, and pg_vpd needs UTF8', current_setting('server_encoding')
              USING ERRCODE = 'feature_not_supported', DETAIL = 'code: encoding_unsupported', HINT = 'Create the database with ENCODING ''UTF8''.';
    END IF;
END
$$;

CREATE SCHEMA vpd;
COMMENT ON SCHEMA vpd IS 'Virtual Private Database: functions and views of pg_vpd.';
GRANT USAGE ON SCHEMA vpd TO PUBLIC;

CREATE SCHEMA vpd_private;
COMMENT ON SCHEMA vpd_private IS 'Tables of pg_vpd. No role but the owner of the extension has a privilege here.';

-- No function of the library is SECURITY DEFINER: each runs with its caller's rights, and only its own prepared statements on the
-- tables of vpd_private, whose names are resolved in pg_catalog, run with the owner's.
