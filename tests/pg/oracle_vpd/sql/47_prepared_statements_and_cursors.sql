-- Prepared statements and cursors over several sessions of one connection.
-- Oracle: a cursor keeps the conditions it was opened with; a prepared statement gets those of its next execution.
-- Here: a prepared statement follows the session; open cursors are closed when another session is attached.

\ir ../prologue/staff.sql
\ir ../prologue/runs.sql
CREATE FUNCTION hr.by_context(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'by_context');
\connect - app_user
PREPARE seen(integer) AS SELECT id FROM hr.staff WHERE id > $1 ORDER BY id;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
EXECUTE seen(0);
EXECUTE seen(1);
DECLARE open_cursor CURSOR FOR SELECT id FROM hr.staff ORDER BY id;
FETCH 1 FROM open_cursor;
SELECT vpd.attach_session(:'kim') \gset
EXECUTE seen(0);
SAVEPOINT s;
FETCH 1 FROM open_cursor;
ROLLBACK TO s;
SELECT vpd.detach_session() \gset
EXECUTE seen(0);
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM hr.staff;
ROLLBACK;
EXECUTE seen(0);
