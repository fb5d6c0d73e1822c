-- Roles that policies do not apply to.
-- Oracle: GRANT EXEMPT ACCESS POLICY TO role.
-- Here: vpd.grant_exempt, with a reason, for one table or for all; superusers and roles with BYPASSRLS are exempt anyway.

\ir ../prologue/staff.sql

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
