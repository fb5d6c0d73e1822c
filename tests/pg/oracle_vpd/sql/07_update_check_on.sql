-- update_check => TRUE (ORA-28115).
-- Oracle: a row that is added or changed must satisfy the condition afterwards; the statement fails otherwise.
-- Here: the same, SQLSTATE 44000.

\ir ../prologue/staff.sql

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', update_check => true);

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
INSERT INTO hr.staff VALUES (7, 'Ole', 10, 1000, NULL);
UPDATE hr.staff SET salary = 2000 WHERE id = 7;
SELECT id, name, dept, salary FROM hr.staff ORDER BY id;
SAVEPOINT s;
INSERT INTO hr.staff VALUES (8, 'Pia', 20, 1000, NULL);
ROLLBACK TO s;
UPDATE hr.staff SET dept = 20 WHERE id = 7;
ROLLBACK TO s;
INSERT INTO hr.staff SELECT id + 10, name, dept + 10, salary, commission FROM hr.staff;
ROLLBACK TO s;
-- Rows of other departments are not found, so there is nothing to refuse.
UPDATE hr.staff SET dept = 10 WHERE dept = 20;
SELECT count(*) AS own FROM hr.staff;
ROLLBACK;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'dept');
-- A condition that is NULL for the new row is not satisfied either.
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', 'INSERT', true);

\connect - app_user
BEGIN;
SELECT vpd.attach_anonymous() \gset
INSERT INTO hr.staff VALUES (8, 'Pia', 20, 1000, NULL);
ROLLBACK;
