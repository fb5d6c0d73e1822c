-- policy_type => DYNAMIC, the default: the function runs for every statement.
-- Oracle: it runs whenever a statement is parsed or executed, because anything may have changed since.
-- Here: the same; an UPDATE that reads asks three times: for the rows it changes, the rows it reads and the rows it leaves behind.

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
GRANT SELECT, UPDATE ON hr.mode TO app_user;
CREATE OR REPLACE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || (SELECT dept FROM hr.mode);
END
$$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted');
SELECT kind FROM vpd.policy_definitions;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id FROM hr.staff ORDER BY id;
SELECT runs AS after_one FROM hr.runs_so_far;
SELECT id FROM hr.staff ORDER BY id;
SELECT id FROM hr.staff ORDER BY id;
SELECT runs AS after_three FROM hr.runs_so_far;
-- What the function reads may change within a transaction; a prepared statement follows.
PREPARE seen AS SELECT id FROM hr.staff ORDER BY id;
EXECUTE seen;
UPDATE hr.mode SET dept = 30;
EXECUTE seen;
UPDATE hr.mode SET dept = 20;
EXECUTE seen;
ROLLBACK;
-- Each execution of a prepared statement asks.
\connect - postgres
CREATE OR REPLACE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept = 10 OR id = -' || nextval('hr.runs') $$;
ALTER SEQUENCE hr.runs RESTART;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
PREPARE seen AS SELECT count(*) FROM hr.staff;
EXECUTE seen;
SELECT runs AS before FROM hr.runs_so_far \gset
EXECUTE seen;
EXECUTE seen;
EXECUTE seen;
SELECT runs - :before AS three_more, runs AS before FROM hr.runs_so_far \gset
\echo :three_more
UPDATE hr.staff SET salary = 0 WHERE id > 0;
SELECT runs - :before AS three_for_an_update FROM hr.runs_so_far;
COMMIT;
