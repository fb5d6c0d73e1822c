-- Different policies for different statements.
-- Oracle: statement_types is a list out of SELECT, INSERT, UPDATE, DELETE and INDEX, in any case; without one, the first four.
-- Here: the same.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.everybody(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'true' $$;
CREATE FUNCTION hr.own_row(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'lower(name) = vpd.user_name()' $$;
CREATE FUNCTION hr.nobody(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT '1 = 2' $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'read', 'hr', 'everybody', 'select');
SELECT dbms_rls.add_policy('hr', 'staff', 'add', 'hr', 'own_department', 'Insert', true);
SELECT dbms_rls.add_policy('hr', 'staff', 'change', 'hr', 'own_row', ' UPDATE ', true);
SELECT dbms_rls.add_policy('hr', 'staff', 'remove', 'hr', 'nobody', 'delete');
SELECT policy_name, statement_types FROM vpd.policy_definitions ORDER BY policy_name;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS seen FROM hr.staff;
INSERT INTO hr.staff VALUES (7, 'Ole', 10, 1000, NULL);
UPDATE hr.staff SET salary = salary + 1 WHERE id <= 7;
SELECT id, salary FROM hr.staff WHERE id <= 2 ORDER BY id;
WITH gone AS (DELETE FROM hr.staff RETURNING id) SELECT count(*) AS deleted FROM gone;
SAVEPOINT s;
INSERT INTO hr.staff VALUES (8, 'Pia', 20, 1000, NULL);
ROLLBACK TO s;
-- Her own row would no longer be her own.
UPDATE hr.staff SET name = 'Kim' WHERE id = 1;
ROLLBACK;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'wrong', 'hr', 'nobody', 'SELECT, MERGE');
SELECT dbms_rls.add_policy('hr', 'staff', 'none', 'hr', 'nobody', '');
