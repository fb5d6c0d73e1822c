-- update_check => FALSE, the default.
-- Oracle: rows that are changed or added need not satisfy the condition, so a row can be moved out of sight.
-- Here: the same under dbms_rls; vpd.add_policy checks unless told otherwise.

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
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', 'insert, update, delete');
SELECT is_update_checked FROM vpd.policy_definitions;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
INSERT INTO hr.staff VALUES (7, 'Ole', 30, 1000, NULL);
-- Moves Jon out of the department, and cannot get him back.
UPDATE hr.staff SET dept = 20 WHERE name = 'Jon';
UPDATE hr.staff SET dept = 10 WHERE name = 'Jon';
SELECT id, name, dept FROM hr.staff ORDER BY id;
ROLLBACK;
-- Without a session nothing is written, whatever the policy checks.
INSERT INTO hr.staff VALUES (7, 'Ole', 30, 1000, NULL);
