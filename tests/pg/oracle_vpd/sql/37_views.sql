-- Views over a protected table.
-- Oracle: a policy on the table applies through every view.
-- Here: the same for views of roles that policies bind; the view of a superuser shows what the superuser sees.

\ir ../prologue/staff.sql
GRANT CREATE ON SCHEMA hr TO app_owner;
GRANT SELECT, UPDATE ON hr.staff TO app_owner;
SET ROLE app_owner;
CREATE VIEW hr.directory AS SELECT id, name, dept FROM hr.staff;
CREATE VIEW hr.nested AS SELECT d.id, d.name FROM hr.directory d WHERE d.dept > 0;
CREATE VIEW hr.invoker WITH (security_invoker) AS SELECT id, name, dept FROM hr.staff;
CREATE VIEW hr.summary AS SELECT dept, count(*) AS heads FROM hr.staff GROUP BY dept;
GRANT SELECT, UPDATE ON hr.directory, hr.nested, hr.invoker, hr.summary TO app_user;
RESET ROLE;
CREATE VIEW hr.of_superuser AS SELECT count(*) AS heads FROM hr.staff;
GRANT SELECT ON hr.of_superuser TO app_user;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', update_check => true);
\connect - app_user
SELECT count(*) AS without_a_session FROM hr.directory;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id, name FROM hr.directory ORDER BY id;
SELECT id, name FROM hr.nested ORDER BY id;
SELECT id, name FROM hr.invoker ORDER BY id;
SELECT * FROM hr.summary;
SELECT * FROM hr.of_superuser;
UPDATE hr.directory SET name = 'Ina' WHERE id IN (1, 3);
SELECT id, name FROM hr.directory ORDER BY id;
UPDATE hr.directory SET dept = 20 WHERE id = 1;
ROLLBACK;
