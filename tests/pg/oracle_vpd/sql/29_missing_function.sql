-- A function that is not there (ORA-28110), in a schema that is not there (ORA-28100).
-- Oracle: ADD_POLICY takes any name; the statements on the table fail until the function exists.
-- Here: ADD_POLICY refuses it; a function that is dropped later makes the statements fail until it is back.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.one_argument(object_schema text) RETURNS text LANGUAGE sql AS $$ SELECT 'true' $$;
CREATE FUNCTION hr.wrong_result(object_schema text, object_name text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION hr.two_names(object_schema varchar, object_name varchar) RETURNS varchar LANGUAGE sql AS $$ SELECT 'true' $$;
CREATE PROCEDURE hr.no_function(object_schema text, object_name text) LANGUAGE sql AS $$ SELECT 1 $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'none');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'no_schema', 'own_department');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'no_package.own_department');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'one_argument');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'wrong_result');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'two_names');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'no_function');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'own_department');

\connect - postgres
DROP FUNCTION hr.own_department;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;
\connect - postgres
CREATE FUNCTION hr.own_department(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'dept = vpd.attribute(''hr'', ''dept'')::integer';
END
$$;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
COMMIT;
