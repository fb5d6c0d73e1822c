-- sec_relevant_cols: the policy applies only to statements that reference one of the columns.
-- Oracle: a reference in the select list or in a condition makes the policy apply to the whole statement.
-- Here: the same, wherever the column stands: select list, WHERE, join, grouping, ordering, whole row, correlated sub-query.

\ir ../prologue/staff.sql

\connect - sec_admin
DO $$
BEGIN
    PERFORM dbms_rls.add_policy(
        object_schema => 'hr',
        object_name => 'staff',
        policy_name => 'salary_policy',
        function_schema => 'hr',
        policy_function => 'own_department',
        sec_relevant_cols => 'SALARY, commission'
    );
END
$$;
SELECT policy_name, relevant_columns, is_masking FROM vpd.policy_definitions;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
-- No relevant column: every row.
SELECT id, name, dept FROM hr.staff ORDER BY id;
SELECT count(*) AS all_rows FROM hr.staff;
SELECT dept, count(*) FROM hr.staff WHERE name < 'M' GROUP BY dept ORDER BY dept;
-- In the select list, alone or with *.
SELECT id, salary FROM hr.staff ORDER BY id;
SELECT * FROM hr.staff ORDER BY id;
-- In WHERE, GROUP BY, HAVING, ORDER BY, an aggregate, a window.
SELECT id FROM hr.staff WHERE salary > 5000 ORDER BY id;
SELECT id FROM hr.staff WHERE commission IS NULL ORDER BY id;
SELECT count(*) FROM hr.staff GROUP BY salary;
SELECT dept FROM hr.staff GROUP BY dept HAVING max(salary) > 0;
SELECT id FROM hr.staff ORDER BY salary DESC;
SELECT sum(commission) AS total, count(*) AS seen FROM hr.staff;
SELECT id, rank() OVER (ORDER BY salary) FROM hr.staff ORDER BY id;
-- In a join condition.
SELECT s.id FROM hr.staff s JOIN (VALUES (3900), (4100)) v (pay) ON v.pay = s.salary;
-- The row as a whole holds the column.
SELECT s FROM hr.staff s ORDER BY id;
SELECT to_jsonb(s) ->> 'salary' AS salary FROM hr.staff s ORDER BY id;
COMMIT;
