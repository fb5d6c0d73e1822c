-- Schemas. `vpd` holds what people call and read; `vpd_private` holds the rows and grants nothing to anyone.
-- Names inside the whole script are resolved in pg_catalog alone, so that objects planted beforehand are never used.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA vpd;
COMMENT ON SCHEMA vpd IS 'Virtual Private Database: functions and views of pg_vpd.';
GRANT USAGE ON SCHEMA vpd TO PUBLIC;

CREATE SCHEMA vpd_private;
COMMENT ON SCHEMA vpd_private IS 'Tables of pg_vpd. No role but the owner of the extension has a privilege here.';

-- No function of the library is SECURITY DEFINER: each runs with its caller's rights, and only its own prepared statements on the
-- tables of vpd_private, whose names are resolved in pg_catalog, run with the owner's.
