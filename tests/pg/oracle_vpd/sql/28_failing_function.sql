-- A function that fails (ORA-28112).
-- Oracle: the statement fails with it; the reason is in a trace file.
-- Here: the same; the words of the error go to the log of the server, because they may name what the reader must not see.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.divides(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept = ' || (1 / (SELECT 0)) $$;
CREATE FUNCTION hr.complains(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the salary of Nia is 7000'; END $$;
CREATE FUNCTION hr.may_not(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept = ' || (SELECT count(*) FROM vpd_private.session) $$;
CREATE FUNCTION hr.handles(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'dept = ' || (1 / (SELECT 0));
EXCEPTION WHEN division_by_zero THEN
    RETURN 'dept = 10';
END
$$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'divides');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'complains');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'may_not');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;

-- A function that deals with its own error.
\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'handles');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
COMMIT;
