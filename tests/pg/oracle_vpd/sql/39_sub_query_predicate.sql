-- A condition with a sub-query.
-- Oracle: the usual form for rules that follow other tables: column IN (SELECT …).
-- Here: the same; names are qualified, because they are looked up in pg_catalog only, and the tables are read by whoever asks.

\ir ../prologue/staff.sql
CREATE TABLE hr.assignment (user_name text, dept integer);
INSERT INTO hr.assignment VALUES ('ida', 10), ('ida', 30), ('kim', 20);
CREATE FUNCTION hr.assigned(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept IN (SELECT a.dept FROM hr.assignment a WHERE a.user_name = vpd.user_name())' $$;
CREATE FUNCTION hr.unqualified(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept IN (SELECT dept FROM assignment)' $$;
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'assigned', 'hr', 'assigned', update_check => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;
\connect - postgres
GRANT SELECT ON hr.assignment TO app_user;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id, dept FROM hr.staff ORDER BY id;
UPDATE hr.staff SET dept = 30 WHERE dept = 10;
SELECT id, dept FROM hr.staff ORDER BY id;
UPDATE hr.staff SET dept = 20;
ROLLBACK;
BEGIN;
SELECT vpd.attach_session(:'kim') \gset
SELECT id, dept FROM hr.staff ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'assigned');
SELECT dbms_rls.add_policy('hr', 'staff', 'unqualified', 'hr', 'unqualified');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SET search_path = hr;
SELECT count(*) FROM staff;
ROLLBACK;
