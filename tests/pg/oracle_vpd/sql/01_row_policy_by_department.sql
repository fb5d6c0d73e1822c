-- A function returns the condition, and every statement on the table gets it as part of its WHERE clause.
-- Oracle: the function usually puts the value of an application context into the text.
-- Here: the same call; the context is the attached session, without which no row is visible.

\ir ../prologue/staff.sql
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
DO $$
BEGIN
    PERFORM dbms_rls.add_policy(
        object_schema => 'hr',
        object_name => 'staff',
        policy_name => 'department_policy',
        function_schema => 'hr',
        policy_function => 'own_department',
        statement_types => 'SELECT, INSERT, UPDATE, DELETE'
    );
END
$$;

\connect - app_user
SELECT count(*) AS without_a_session FROM hr.staff;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id, name, dept FROM hr.staff ORDER BY id;
SELECT count(*) AS elsewhere FROM hr.staff WHERE dept = 20;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'kim') \gset
SELECT id, name, dept FROM hr.staff ORDER BY id;
COMMIT;
SELECT count(*) AS after_the_transaction FROM hr.staff;
