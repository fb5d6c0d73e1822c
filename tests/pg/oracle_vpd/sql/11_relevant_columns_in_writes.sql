-- sec_relevant_cols and statements that write.
-- Oracle: an UPDATE that sets a relevant column, or looks for it, is restricted; so is an INSERT that names one, with update_check.
-- Here: the same for UPDATE and INSERT; a DELETE removes the relevant column with the row, so it is always restricted.

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
SELECT dbms_rls.add_policy('hr', 'staff', 'pay', 'hr', 'own_department', update_check => true, sec_relevant_cols => 'salary');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
WITH done AS (UPDATE hr.staff SET name = upper(name) RETURNING id) SELECT count(*) AS renamed FROM done;
WITH done AS (UPDATE hr.staff SET salary = 1 RETURNING id) SELECT count(*) AS paid FROM done;
WITH done AS (UPDATE hr.staff SET name = 'x' WHERE salary = 1 RETURNING id) SELECT count(*) AS found_by_salary FROM done;
WITH done AS (UPDATE hr.staff SET name = 'y' RETURNING salary) SELECT count(*) AS returned_salary FROM done;
WITH done AS (DELETE FROM hr.staff WHERE id > 1 RETURNING id) SELECT count(*) AS deleted FROM done;
SAVEPOINT s;
INSERT INTO hr.staff (id, name, dept) VALUES (7, 'Ole', 30);
INSERT INTO hr.staff (id, name, dept, salary) VALUES (8, 'Pia', 10, 1000);
INSERT INTO hr.staff (id, name, dept, salary) VALUES (9, 'Quy', 30, 1000);
ROLLBACK TO s;
MERGE INTO hr.staff s USING (VALUES (3), (1)) v (id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET salary = 2;
SELECT id, salary FROM hr.staff ORDER BY id;
ROLLBACK;
SELECT name FROM hr.staff;
