-- DROP_POLICY.
-- Oracle: with the last policy the table is free again.
-- Here: the same; row security is set back to what it was before the first policy.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.low_paid(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'salary < 5000' $$;

\connect - sec_admin
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'hr.staff'::regclass;
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'staff', 'pay', 'hr', 'low_paid');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'hr.staff'::regclass;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id AS both FROM hr.staff ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'dept');
SELECT dbms_rls.drop_policy('hr', 'staff', 'dept');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id AS one_left FROM hr.staff ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'pay');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'hr.staff'::regclass;
SELECT count(*) AS protected FROM vpd.protected_tables;
\connect - app_user
SELECT count(*) AS free FROM hr.staff;

-- A dropped table takes its policies along.
\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department');
\connect - postgres
DROP TABLE hr.staff;
SELECT count(*) AS policies FROM vpd.policy_definitions;
