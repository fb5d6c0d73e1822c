-- ENABLE_POLICY with FALSE and TRUE, and ADD_POLICY with enable => FALSE.
-- Oracle: a table without an enabled policy shows every row.
-- Here: it shows every row to whoever has a session, and none without one.

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
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', enable => false);
SELECT policy_name, is_enabled FROM vpd.policy_definitions;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS added_disabled FROM hr.staff;
COMMIT;
SELECT count(*) AS without_a_session FROM hr.staff;

\connect - sec_admin
SELECT dbms_rls.enable_policy('hr', 'staff', 'dept', true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS enabled FROM hr.staff;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.enable_policy('hr', 'staff', 'dept', false);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS disabled FROM hr.staff;
COMMIT;

-- TRUE is the default; twice is no error; who is not an administrator may not.
\connect - sec_admin
SELECT dbms_rls.enable_policy('hr', 'staff', 'dept');
SELECT dbms_rls.enable_policy('hr', 'staff', 'dept');
SELECT policy_name, is_enabled FROM vpd.policy_definitions;
SELECT dbms_rls.enable_policy('hr', 'staff', 'none');
\connect - app_user
SELECT dbms_rls.enable_policy('hr', 'staff', 'dept', false);
