-- sec_relevant_cols_opt => ALL_ROWS: every row stays, and the relevant column shows NULL where the condition is not true.
-- Oracle: for SELECT; a condition on the column, or an ordering, sees the NULL as well.
-- Here: the same, in every clause; and a value that is not seen is not written back.

\ir ../prologue/staff.sql

\connect - sec_admin
DO $$
BEGIN
    PERFORM dbms_rls.add_policy(
        object_schema => 'hr',
        object_name => 'staff',
        policy_name => 'commission_policy',
        function_schema => 'hr',
        policy_function => 'own_department',
        statement_types => 'SELECT',
        sec_relevant_cols => 'salary, commission',
        sec_relevant_cols_opt => dbms_rls.all_rows()
    );
END
$$;
SELECT policy_name, relevant_columns, is_masking FROM vpd.policy_definitions;
SELECT dbms_rls.add_policy('hr', 'staff', 'no_columns', 'hr', 'own_department', sec_relevant_cols_opt => dbms_rls.all_rows());

\connect - app_user
SELECT count(*) AS without_a_session FROM hr.staff;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT * FROM hr.staff ORDER BY id;
SELECT id, name FROM hr.staff ORDER BY id;
SELECT id FROM hr.staff WHERE salary > 5000 ORDER BY id;
SELECT id FROM hr.staff WHERE salary IS NULL ORDER BY id;
SELECT count(salary), sum(salary), max(commission) FROM hr.staff;
SELECT id FROM hr.staff ORDER BY salary DESC NULLS LAST, id;
SELECT salary IS NULL AS hidden, count(*) FROM hr.staff GROUP BY 1 ORDER BY 1;
SELECT a.id, b.id FROM hr.staff a JOIN hr.staff b ON a.salary < b.salary ORDER BY 1, 2;
SELECT s FROM hr.staff s ORDER BY id;
COPY hr.staff (id, salary) TO STDOUT;
-- The policy is for SELECT: an UPDATE that reads nothing masked is free; a masked value is not written back over the real one.
UPDATE hr.staff SET salary = salary + 1 WHERE id = 1;
SELECT id, salary FROM hr.staff WHERE id = 1;
UPDATE hr.staff SET commission = coalesce(salary, 0);
ROLLBACK;
\connect - postgres
SELECT id, salary, commission FROM hr.staff ORDER BY id;
