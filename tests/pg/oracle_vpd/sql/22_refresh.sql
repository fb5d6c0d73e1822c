-- REFRESH_POLICY: statements that were prepared are prepared again, and the function runs again.
-- Oracle: needed where a static function would now return something else; without names, for every policy of the database.
-- Here: the same, in every backend, when the refresh commits; a replaced function is noticed without it.

CREATE SCHEMA hr;
GRANT USAGE ON SCHEMA hr TO PUBLIC;
CREATE TABLE hr.staff (
    id integer PRIMARY KEY,
    name text NOT NULL,
    dept integer NOT NULL,
    salary integer,
    commission integer
);
INSERT INTO hr.staff VALUES
    (1, 'Ida', 10, 5200, NULL), (2, 'Jon', 10, 4100, NULL), (3, 'Kim', 20, 3900, 300),
    (4, 'Lea', 20, 6100, 900), (5, 'Max', 30, 2800, NULL), (6, 'Nia', 30, 7000, 1200);
GRANT SELECT, INSERT, UPDATE, DELETE ON hr.staff TO app_user;
CREATE SEQUENCE hr.runs;
GRANT USAGE, SELECT ON SEQUENCE hr.runs TO app_user;
CREATE VIEW hr.runs_so_far AS SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS runs FROM hr.runs;
GRANT SELECT ON hr.runs_so_far TO app_user;
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
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset

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
