-- statement_types => INDEX (ORA-28133).
-- Oracle: who may not see every row cannot build an index on an expression, because the function in it would.
-- Here: an index on an expression is refused to every role under policy; one on columns to whom an INDEX policy restricts. A condition
-- that is the text true restricts nobody.

\ir ../prologue/staff.sql
ALTER TABLE hr.staff OWNER TO app_owner;
GRANT CREATE ON SCHEMA hr TO app_owner;
CREATE FUNCTION hr.maintenance(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT CASE WHEN vpd.attribute('hr', 'task') = 'maintenance' THEN 'true' ELSE 'dept = 10' END $$;
SELECT vpd.create_session('otto', 'portal', attributes => '{"hr": {"task": "maintenance"}}') AS otto \gset
SELECT vpd.grant_profile('runtime', 'app_owner') \gset

\connect - app_owner
CREATE INDEX before_the_policy ON hr.staff (lower(name));

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'rows', 'hr', 'maintenance', 'SELECT');
\connect - app_owner
CREATE INDEX on_column ON hr.staff (name);
CREATE INDEX on_expression ON hr.staff (lower(name));
CREATE INDEX partial ON hr.staff (name) WHERE salary > 6000;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'indexes', 'hr', 'maintenance', 'INDEX');
SELECT policy_name, statement_types FROM vpd.policy_definitions ORDER BY policy_name;
\connect - app_owner
CREATE INDEX refused ON hr.staff (dept);
CREATE UNIQUE INDEX refused ON hr.staff (name);
BEGIN;
SELECT vpd.attach_session(:'otto') \gset
CREATE INDEX allowed ON hr.staff (dept);
COMMIT;
-- Whom policies do not bind builds any.
\connect - postgres
CREATE INDEX of_superuser ON hr.staff (upper(name));
SELECT indexname FROM pg_indexes WHERE schemaname = 'hr' ORDER BY 1;

-- A policy for INDEX alone restricts no row of a session.
\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'rows');
\connect - app_owner
BEGIN;
SELECT vpd.attach_session(:'otto') \gset
SELECT count(*) FROM hr.staff;
COMMIT;
