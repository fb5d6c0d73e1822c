-- A policy function in a package.
-- Oracle: policy_function => 'PACKAGE.FUNCTION', with the owner of the package as function_schema.
-- Here: a package is a schema; the part before the dot is taken as the schema, whatever function_schema says.

\ir ../prologue/staff.sql
CREATE SCHEMA staff_security;
GRANT USAGE ON SCHEMA staff_security TO PUBLIC;
CREATE FUNCTION staff_security.by_department(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept = vpd.attribute(''hr'', ''dept'')::integer' $$;
CREATE FUNCTION staff_security.by_pay(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'salary < 5000' $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'staff_security.by_department');
SELECT dbms_rls.add_policy('hr', 'staff', 'pay', NULL, 'STAFF_SECURITY.BY_PAY');
SELECT policy_name, function_schema, function_name FROM vpd.policy_definitions ORDER BY 1;
SELECT dbms_rls.add_policy('hr', 'staff', 'none', 'hr', 'staff_security.by_name');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id, dept, salary FROM hr.staff ORDER BY id;
COMMIT;

-- The function runs with the rights of whoever reads: without USAGE on its schema the text still comes, because the library calls it.
\connect - postgres
REVOKE USAGE ON SCHEMA staff_security FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION staff_security.by_pay FROM PUBLIC;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
SELECT staff_security.by_pay('', '');
ROLLBACK;
