-- sec_relevant_cols where a statement names the table more than once.
-- Oracle: each reference of the table is looked at with the columns that are used of it.
-- Here: the same; a column that a view or sub-query merely passes through counts as referenced.

\ir ../prologue/staff.sql
GRANT CREATE ON SCHEMA hr TO app_owner;
GRANT SELECT ON hr.staff TO app_owner;
SET ROLE app_owner;
CREATE VIEW hr.phone_list AS SELECT id, name FROM hr.staff;
CREATE VIEW hr.pay_list AS SELECT id, salary FROM hr.staff;
GRANT SELECT ON hr.phone_list, hr.pay_list TO app_user;
RESET ROLE;

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

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
-- Only the second use is restricted.
SELECT s.id, (SELECT max(t.salary) FROM hr.staff t WHERE t.dept = s.dept) AS best_paid FROM hr.staff s ORDER BY s.id;
SELECT count(*) FROM hr.staff WHERE id IN (SELECT id FROM hr.staff WHERE salary > 0);
-- The sub-query looks at the salary of the outer row.
SELECT s.id FROM hr.staff s WHERE EXISTS (SELECT FROM (VALUES (4000)) v (pay) WHERE s.salary > v.pay) ORDER BY s.id;
WITH pay AS (SELECT id, salary FROM hr.staff) SELECT id FROM pay ORDER BY id;
SELECT id FROM (SELECT * FROM hr.staff) x ORDER BY id;
SELECT id FROM hr.staff UNION ALL SELECT id FROM hr.staff WHERE salary > 0 ORDER BY id;
SELECT s.id, p.salary FROM hr.staff s LEFT JOIN hr.staff p ON p.id = s.id AND p.salary IS NOT NULL ORDER BY s.id;
SELECT x.id FROM hr.staff s CROSS JOIN LATERAL (SELECT s.id WHERE s.salary > 4500) x;
-- Views.
SELECT count(*) AS phone_list FROM hr.phone_list;
SELECT count(*) AS pay_list FROM hr.pay_list;
COMMIT;
