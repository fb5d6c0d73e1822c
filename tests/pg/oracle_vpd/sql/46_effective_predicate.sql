-- Which condition applies to whom.
-- Oracle: V$VPD_POLICY shows the conditions of statements in the shared pool.
-- Here: vpd.effective_predicate tells the condition for the session that asks, per statement.

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
CREATE FUNCTION hr.low_paid(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'salary < 5000' $$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset

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
