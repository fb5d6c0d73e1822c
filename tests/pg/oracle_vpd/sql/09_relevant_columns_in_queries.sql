-- sec_relevant_cols: the policy applies only to statements that reference one of the columns.
-- Oracle: a reference in the select list or in a condition makes the policy apply to the whole statement.
-- Here: the same, wherever the column stands: select list, WHERE, join, grouping, ordering, whole row, correlated sub-query.

CREATE SCHEMA hr;
GRANT USAGE ON SCHEMA hr TO PUBLIC;
CREATE TABLE hr.staff (
    id integer PRIMARY KEY,
    name text NOT NULL,
    dept integer NOT NULL,
    salary integer,
    commission integer
);
INSERT INTO hr.staff VALUES
    (1, 'Ida', 10, 5200, NULL), (2, 'Jon', 10, 4100, NULL), (3, 'Kim', 20, 3900, 300),
    (4, 'Lea', 20, 6100, 900), (5, 'Max', 30, 2800, NULL), (6, 'Nia', 30, 7000, 1200);
GRANT SELECT, INSERT, UPDATE, DELETE ON hr.staff TO app_user;
CREATE FUNCTION hr.own_department(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'dept = vpd.attribute(''hr'', ''dept'')::integer';
END
$$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset
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
