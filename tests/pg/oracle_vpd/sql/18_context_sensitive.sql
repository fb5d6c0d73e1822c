-- policy_type => CONTEXT_SENSITIVE: the function runs again when the context changed since it last ran.
-- Oracle: the change is noticed when a statement is executed; without a change the text is used again.
-- Here: the same; attaching the session of somebody else is a change, and a session met before finds its own text.

\ir ../prologue/staff.sql
\ir ../prologue/runs.sql
CREATE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.context_sensitive());

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
PREPARE seen AS SELECT id FROM hr.staff ORDER BY id;
EXECUTE seen;
EXECUTE seen;
SELECT count(*) FROM hr.staff;
SELECT count(*) FROM hr.staff WHERE id > 1;
SELECT runs AS once_for_ida FROM hr.runs_so_far;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'kim') \gset
EXECUTE seen;
SELECT count(*) FROM hr.staff;
SELECT runs AS once_more_for_kim FROM hr.runs_so_far;
COMMIT;
-- Back to the first: the text is remembered, and the plan follows.
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
EXECUTE seen;
SELECT runs AS none_more FROM hr.runs_so_far;
COMMIT;
-- Nobody: no row, although the plan was made for somebody.
EXECUTE seen;
SELECT count(*) FROM hr.staff;
