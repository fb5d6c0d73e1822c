-- update_check => FALSE, the default.
-- Oracle: rows that are changed or added need not satisfy the condition, so a row can be moved out of sight.
-- Here: the same under dbms_rls; vpd.add_policy checks unless told otherwise.

\ir ../prologue/staff.sql

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', 'insert, update, delete');
SELECT is_update_checked FROM vpd.policy_definitions;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
INSERT INTO hr.staff VALUES (7, 'Ole', 30, 1000, NULL);
-- Moves Jon out of the department, and cannot get him back.
UPDATE hr.staff SET dept = 20 WHERE name = 'Jon';
UPDATE hr.staff SET dept = 10 WHERE name = 'Jon';
SELECT id, name, dept FROM hr.staff ORDER BY id;
ROLLBACK;
-- Without a session nothing is written, whatever the policy checks.
INSERT INTO hr.staff VALUES (7, 'Ole', 30, 1000, NULL);
