-- sec_relevant_cols and statements that write.
-- Oracle: an UPDATE that sets a relevant column, or looks for it, is restricted; so is an INSERT that names one, with update_check.
-- Here: the same for UPDATE and INSERT; a DELETE removes the relevant column with the row, so it is always restricted.

\ir ../prologue/staff.sql

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'pay', 'hr', 'own_department', update_check => true, sec_relevant_cols => 'salary');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
WITH done AS (UPDATE hr.staff SET name = upper(name) RETURNING id) SELECT count(*) AS renamed FROM done;
WITH done AS (UPDATE hr.staff SET salary = 1 RETURNING id) SELECT count(*) AS paid FROM done;
WITH done AS (UPDATE hr.staff SET name = 'x' WHERE salary = 1 RETURNING id) SELECT count(*) AS found_by_salary FROM done;
WITH done AS (UPDATE hr.staff SET name = 'y' RETURNING salary) SELECT count(*) AS returned_salary FROM done;
WITH done AS (DELETE FROM hr.staff WHERE id > 1 RETURNING id) SELECT count(*) AS deleted FROM done;
SAVEPOINT s;
INSERT INTO hr.staff (id, name, dept) VALUES (7, 'Ole', 30);
INSERT INTO hr.staff (id, name, dept, salary) VALUES (8, 'Pia', 10, 1000);
INSERT INTO hr.staff (id, name, dept, salary) VALUES (9, 'Quy', 30, 1000);
ROLLBACK TO s;
MERGE INTO hr.staff s USING (VALUES (3), (1)) v (id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET salary = 2;
SELECT id, salary FROM hr.staff ORDER BY id;
ROLLBACK;
SELECT name FROM hr.staff;
