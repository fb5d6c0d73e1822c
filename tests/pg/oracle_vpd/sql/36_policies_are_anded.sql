-- Several policies on one table.
-- Oracle: a row must satisfy every one of them.
-- Here: the same; policies that the table has of PostgreSQL itself stay and restrict further.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.low_paid(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'salary < 5000 OR dept = 30' $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'pay', 'hr', 'low_paid', update_check => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id AS pay FROM hr.staff ORDER BY id;
COMMIT;
\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', update_check => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id AS pay_and_department FROM hr.staff ORDER BY id;
SELECT vpd.effective_predicate('hr.staff');
SAVEPOINT s;
INSERT INTO hr.staff VALUES (7, 'Ole', 10, 9000, NULL);
ROLLBACK TO s;
INSERT INTO hr.staff VALUES (8, 'Pia', 30, 9000, NULL);
ROLLBACK TO s;
INSERT INTO hr.staff VALUES (9, 'Quy', 10, 900, NULL);
ROLLBACK;

\connect - postgres
CREATE POLICY native ON hr.staff AS RESTRICTIVE USING (name <> 'Jon');
CREATE POLICY widening ON hr.staff USING (true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS with_native FROM hr.staff;
COMMIT;
SELECT count(*) AS without_a_session FROM hr.staff;
