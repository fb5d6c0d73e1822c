-- Who may call the package.
-- Oracle: EXECUTE on DBMS_RLS; in recent releases ADMINISTER FINE GRAINED ACCESS CONTROL.
-- Here: the profile security_admin; the constants, too, belong to it.

\ir ../prologue/staff.sql

\connect - app_user
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'own_department');
SELECT dbms_rls.dynamic();
\connect - app_owner
SELECT dbms_rls.refresh_policy();
\connect - app_auditor
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'own_department');
SELECT dbms_rls.static(), dbms_rls.shared_static(), dbms_rls.context_sensitive(), dbms_rls.shared_context_sensitive(), dbms_rls.dynamic();
SELECT dbms_rls.all_rows(), dbms_rls.add_attribute_association(), dbms_rls.remove_attribute_association();
-- The administrator of policies reads no row.
SELECT count(*) FROM hr.staff;
-- Fifteen procedures, eight constants.
\connect - postgres
SELECT proname, pronargs, pg_get_function_result(oid) AS result
  FROM pg_proc WHERE pronamespace = 'dbms_rls'::regnamespace ORDER BY pronargs = 0, proname;
SELECT proargnames FROM pg_proc WHERE oid = 'dbms_rls.add_grouped_policy'::regproc;
