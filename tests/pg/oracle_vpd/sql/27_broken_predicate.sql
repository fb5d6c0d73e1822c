-- A function that returns a text which is no condition (ORA-28113).
-- Oracle: the statement fails; the text is found in a trace file.
-- Here: the same; the text goes to the log of the server and never to the client.

\ir ../prologue/staff.sql
CREATE TABLE hr.answer (predicate text);
INSERT INTO hr.answer VALUES ('true');
CREATE FUNCTION hr.broken(object_schema text, object_name text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT predicate FROM hr.answer $$;
CREATE FUNCTION hr.attempt(new_predicate text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    seen integer;
    detail text;
BEGIN
    PERFORM hr.set_answer(new_predicate);
    SELECT count(*) INTO seen FROM hr.staff;
    RETURN seen || ' rows';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ', ' || detail;
END
$$;
CREATE FUNCTION hr.set_answer(new_predicate text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ UPDATE hr.answer SET predicate = new_predicate $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'broken');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT hr.attempt('dept = 10');
SELECT hr.attempt('dept = ');
SELECT hr.attempt('no_such_column = 1');
SELECT hr.attempt('salary');
SELECT hr.attempt('1 = 1; DROP TABLE hr.staff');
SELECT hr.attempt('true) OR (true');
SELECT hr.attempt('WHERE dept = 10');
SELECT hr.attempt('EXISTS (SELECT FROM hr.no_such_table)');
SELECT hr.attempt('salary > ''secret'' ');
SELECT hr.attempt('max(salary) > 1');
SELECT hr.attempt('dept = $1');
SELECT hr.attempt('dept = 10 -- a comment at the end');
SELECT hr.attempt('attempt(name) = ''x'' ');
SELECT hr.set_answer('dept = ') \gset
SELECT * FROM hr.staff;
ROLLBACK;
