-- Roles that policies do not apply to.
-- Oracle: GRANT EXEMPT ACCESS POLICY TO role.
-- Here: vpd.grant_exempt, with a reason, for one table or for all; superusers and roles with BYPASSRLS are exempt anyway.

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
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', update_check => true);
\connect - app_user
SELECT count(*) AS bound FROM hr.staff;

\connect - sec_admin
SELECT vpd.grant_exempt('app_user', 'nightly report', 'hr.staff');
SELECT vpd.grant_exempt('app_user', 'nightly report', 'hr.staff');
SELECT vpd.grant_exempt('sec_admin', 'me');
\connect - app_user
SELECT count(*) AS exempt FROM hr.staff;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS exempt_with_a_session FROM hr.staff;
INSERT INTO hr.staff VALUES (7, 'Ole', 30, 1000, NULL);
ROLLBACK;
\connect - sec_admin
SELECT vpd.revoke_exempt('app_user', 'hr.staff');
\connect - app_user
SELECT count(*) AS bound_again FROM hr.staff;
\connect - sec_admin
SELECT role_name, relation, reason, granted_by, revoked_by, is_active FROM vpd.exemptions;
\connect - postgres
SELECT count(*) AS superuser FROM hr.staff;
