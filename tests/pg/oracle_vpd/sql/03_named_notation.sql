-- Arguments by name, in any order, with some left out.
-- Oracle: the current user's schema stands in for a schema that is not given.
-- Here: the first schema of the search path that exists does.

\ir ../prologue/staff.sql

\connect - sec_admin
SET search_path = hr;
DO $$
BEGIN
    PERFORM dbms_rls.add_policy(
        policy_function => 'own_department',
        policy_name => 'department_policy',
        object_name => 'staff',
        update_check => true
    );
END
$$;
SELECT relation, policy_name, function_schema, function_name, is_update_checked FROM vpd.policy_definitions;
RESET search_path;
-- In another schema the same call finds no table, and a policy needs a name.
SELECT dbms_rls.enable_policy(object_name => 'staff', policy_name => 'department_policy', enable => false);
SELECT dbms_rls.drop_policy(object_schema => 'hr', object_name => 'staff');
SELECT dbms_rls.drop_policy(policy_name => 'department_policy', object_name => 'staff', object_schema => 'hr');
-- A name that is no parameter.
SELECT dbms_rls.drop_policy(table_name => 'staff');

\connect - app_user
SELECT count(*) AS unprotected FROM hr.staff;
