-- A function returns the condition, and every statement on the table gets it as part of its WHERE clause.
-- Oracle: the function usually puts the value of an application context into the text.
-- Here: the same call; the context is the attached session, without which no row is visible.

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
