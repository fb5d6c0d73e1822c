-- A function, or a condition, that reads the table it protects (ORA-28108).
-- Oracle: the circle is found when the table is read.
-- Here: the same, SQLSTATE 42P17. A function that runs with the rights of somebody whom policies do not bind may read it.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.reads_itself(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept = ' || (SELECT min(dept) FROM hr.staff) $$;
CREATE FUNCTION hr.asks_itself(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept IN (SELECT dept FROM hr.staff)' $$;
CREATE FUNCTION hr.as_superuser(object_schema text, object_name text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'dept = ' || (SELECT dept FROM hr.staff WHERE lower(name) = vpd.user_name()) $$;
CREATE TABLE hr.head (dept integer, name text);
INSERT INTO hr.head VALUES (10, 'Ida'), (20, 'Lea');
GRANT SELECT ON hr.head TO app_user;
CREATE FUNCTION hr.reads_head(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept IN (SELECT dept FROM hr.head)' $$;
CREATE FUNCTION hr.reads_staff(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept IN (SELECT dept FROM hr.staff)' $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'reads_itself');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'asks_itself');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'as_superuser');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id, name FROM hr.staff ORDER BY id;
COMMIT;

-- A circle of two tables.
\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'reads_head');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS no_circle FROM hr.staff;
COMMIT;
\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'head', 'p', 'hr', 'reads_staff');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;
