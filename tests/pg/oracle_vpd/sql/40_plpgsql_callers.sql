-- Procedures and functions that read a protected table.
-- Oracle: the policy sees the session, not the unit that runs.
-- Here: the same; a plan that PL/pgSQL keeps follows the session of each call.

\ir ../prologue/staff.sql
\ir ../prologue/runs.sql
CREATE FUNCTION hr.by_context(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
CREATE FUNCTION hr.head_count() RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
    heads integer;
BEGIN
    SELECT count(*) INTO heads FROM hr.staff;
    RETURN heads;
END
$$;
CREATE FUNCTION hr.names() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    one record;
    list text := '';
BEGIN
    FOR one IN SELECT name FROM hr.staff ORDER BY id LOOP
        list := list || one.name || ' ';
    END LOOP;
    RETURN list;
END
$$;
CREATE FUNCTION hr.in_sql() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM hr.staff $$;
CREATE FUNCTION hr.rows() RETURNS SETOF integer LANGUAGE sql STABLE AS $$ SELECT id FROM hr.staff $$;
CREATE FUNCTION hr.by_text() RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
    heads integer;
BEGIN
    EXECUTE 'SELECT count(*) FROM hr.staff' INTO heads;
    RETURN heads;
END
$$;
CREATE PROCEDURE hr.raise_pay() LANGUAGE plpgsql AS $$ BEGIN UPDATE hr.staff SET salary = salary + 1; END $$;
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'by_context', policy_type => dbms_rls.context_sensitive());
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT hr.head_count(), hr.names(), hr.in_sql(), hr.by_text(), array(SELECT hr.rows()), array(SELECT r FROM hr.rows() r);
CALL hr.raise_pay();
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'kim') \gset
SELECT hr.head_count(), hr.names(), hr.in_sql(), hr.by_text(), array(SELECT hr.rows()), array(SELECT r FROM hr.rows() r);
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT hr.head_count(), hr.names(), hr.in_sql(), hr.by_text(), array(SELECT hr.rows()), array(SELECT r FROM hr.rows() r);
COMMIT;
SELECT hr.head_count(), hr.names(), hr.in_sql(), hr.by_text(), array(SELECT hr.rows()), array(SELECT r FROM hr.rows() r);
\connect - postgres
SELECT id, salary FROM hr.staff ORDER BY id;
