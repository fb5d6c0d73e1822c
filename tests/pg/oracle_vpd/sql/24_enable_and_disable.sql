-- ENABLE_POLICY with FALSE and TRUE, and ADD_POLICY with enable => FALSE.
-- Oracle: a table without an enabled policy shows every row.
-- Here: it shows every row to whoever has a session, and none without one.

\ir ../prologue/staff.sql

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
