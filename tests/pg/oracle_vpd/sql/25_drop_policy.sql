-- DROP_POLICY.
-- Oracle: with the last policy the table is free again.
-- Here: the same; row security is set back to what it was before the first policy.

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
CREATE FUNCTION hr.low_paid(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'salary < 5000' $$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset

\connect - sec_admin
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'hr.staff'::regclass;
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'staff', 'pay', 'hr', 'low_paid');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'hr.staff'::regclass;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id AS both FROM hr.staff ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'dept');
SELECT dbms_rls.drop_policy('hr', 'staff', 'dept');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id AS one_left FROM hr.staff ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'pay');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'hr.staff'::regclass;
SELECT count(*) AS protected FROM vpd.protected_tables;
\connect - app_user
SELECT count(*) AS free FROM hr.staff;

-- A dropped table takes its policies along.
\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department');
\connect - postgres
DROP TABLE hr.staff;
SELECT count(*) AS policies FROM vpd.policy_definitions;
