-- MERGE, INSERT … ON CONFLICT and RETURNING.
-- Oracle: MERGE under a policy that is not for all of its statements is refused (ORA-28132); there is no ON CONFLICT.
-- Here: each action is held to the policies of its statement; a conflict with a row that may not be seen is an error.

\ir ../prologue/staff.sql

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', update_check => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
MERGE INTO hr.staff s USING (VALUES (1, 5), (7, 6)) v (id, pay) ON s.id = v.id
 WHEN MATCHED THEN UPDATE SET salary = v.pay
 WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'new', 10, v.pay, NULL);
SELECT id, salary FROM hr.staff ORDER BY id;
SAVEPOINT s;
-- Row 3 belongs to another department: it is not matched, and its key is taken.
MERGE INTO hr.staff s USING (VALUES (3, 5)) v (id, pay) ON s.id = v.id
 WHEN MATCHED THEN UPDATE SET salary = v.pay
 WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'new', 10, v.pay, NULL);
ROLLBACK TO s;
MERGE INTO hr.staff s USING (VALUES (1)) v (id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET dept = 20;
ROLLBACK TO s;
INSERT INTO hr.staff VALUES (1, 'Ida', 10, 9, NULL) ON CONFLICT (id) DO UPDATE SET salary = excluded.salary RETURNING id, salary;
INSERT INTO hr.staff VALUES (3, 'Kim', 10, 9, NULL) ON CONFLICT (id) DO UPDATE SET salary = excluded.salary RETURNING *;
ROLLBACK TO s;
INSERT INTO hr.staff VALUES (3, 'Kim', 10, 9, NULL) ON CONFLICT DO NOTHING RETURNING *;
DELETE FROM hr.staff WHERE id IN (1, 3) RETURNING id, name;
ROLLBACK;
