-- REFRESH_POLICY: statements that were prepared are prepared again, and the function runs again.
-- Oracle: needed where a static function would now return something else; without names, for every policy of the database.
-- Here: the same, in every backend, when the refresh commits; a replaced function is noticed without it.

\ir ../prologue/staff.sql
\ir ../prologue/runs.sql
CREATE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
CREATE TABLE hr.mode (dept integer);
INSERT INTO hr.mode VALUES (10);
GRANT SELECT ON hr.mode TO app_user;
CREATE OR REPLACE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || (SELECT dept FROM hr.mode);
END
$$;
-- Calls of the administrator from the connection of the application, so that it stays the same backend.
CREATE FUNCTION hr.refresh(variadic names text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM dbms_rls.refresh_policy(names[1], names[2], names[3]);
END
$$;
CREATE FUNCTION hr.set_mode(new integer) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ UPDATE hr.mode SET dept = new $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.static());

\connect - app_user
PREPARE seen AS SELECT id FROM hr.staff ORDER BY id;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
EXECUTE seen;
SELECT hr.set_mode(20) \gset
EXECUTE seen;
COMMIT;
SELECT hr.refresh('hr', 'staff', 'dept') \gset
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
EXECUTE seen;
COMMIT;
SELECT hr.set_mode(30) \gset
SELECT hr.refresh(NULL, NULL, NULL) \gset
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
EXECUTE seen;
SELECT runs FROM hr.runs_so_far;
COMMIT;
SELECT hr.set_mode(10) \gset
SELECT hr.refresh('hr', 'staff', NULL) \gset
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
EXECUTE seen;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.refresh_policy('hr', 'staff', 'none');
SELECT dbms_rls.refresh_grouped_policy('hr', 'staff', 'nothing', 'dept');
SELECT dbms_rls.refresh_grouped_policy('hr', 'staff', 'SYS_DEFAULT', 'dept');
