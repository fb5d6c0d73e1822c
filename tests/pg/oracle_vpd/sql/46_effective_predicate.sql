-- Which condition applies to whom.
-- Oracle: V$VPD_POLICY shows the conditions of statements in the shared pool.
-- Here: vpd.effective_predicate tells the condition for the session that asks, per statement.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.low_paid(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'salary < 5000' $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', 'SELECT, UPDATE');
SELECT dbms_rls.add_policy('hr', 'staff', 'pay', 'hr', 'low_paid', 'UPDATE, DELETE, INSERT', update_check => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT command, vpd.effective_predicate('hr.staff', command)
  FROM unnest(ARRAY['select', 'insert', 'update', 'delete', 'index']) command;
SELECT vpd.effective_predicate('pg_catalog.pg_class') IS NULL AS not_protected;
COMMIT;
SELECT vpd.effective_predicate('hr.staff', 'merge');
