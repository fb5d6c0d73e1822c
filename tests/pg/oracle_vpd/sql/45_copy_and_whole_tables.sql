-- What moves whole tables: COPY, CREATE TABLE AS, TRUNCATE, foreign keys (ORA-28117).
-- Oracle: direct path loads and exports run under the policies; a foreign key to a row that may not be seen is refused.
-- Here: COPY TO and CREATE TABLE AS give what may be seen; COPY FROM, TRUNCATE and new references to the table are refused.

\ir ../prologue/staff.sql
GRANT TRUNCATE, REFERENCES ON hr.staff TO app_user;
GRANT CREATE ON SCHEMA hr TO app_user;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', update_check => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
COPY hr.staff (id, name, dept) TO STDOUT;
COPY (SELECT count(*) FROM hr.staff) TO STDOUT;
SAVEPOINT s;
CREATE TABLE hr.copied AS SELECT id FROM hr.staff;
SELECT count(*) FROM hr.copied;
ROLLBACK TO s;
TRUNCATE hr.staff;
ROLLBACK TO s;
CREATE TABLE hr.child (staff_id integer REFERENCES hr.staff);
ROLLBACK;
-- Without a session, nothing comes out.
COPY hr.staff TO STDOUT;
-- psql reads no further than a COPY that was refused.
COPY hr.staff FROM STDIN;
