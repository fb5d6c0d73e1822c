-- policy_type => SHARED_STATIC: one function, several tables.
-- Oracle: the text that the function returned for one table serves the others.
-- Here: the same within a backend; a plain static policy asks for each table.

\ir ../prologue/staff.sql
CREATE TABLE hr.team (
    id integer PRIMARY KEY,
    dept integer NOT NULL
);
INSERT INTO hr.team VALUES (1, 10), (2, 20), (3, 20);
GRANT SELECT ON hr.team TO app_user;
\ir ../prologue/runs.sql
CREATE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = vpd.attribute(''hr'', ''dept'')::integer';
END
$$;
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.shared_static());
SELECT dbms_rls.add_policy('hr', 'team', 'dept', 'hr', 'counted', policy_type => dbms_rls.shared_static());

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS staff FROM hr.staff;
SELECT count(*) AS team FROM hr.team;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'kim') \gset
SELECT count(*) AS staff FROM hr.staff JOIN hr.team USING (dept);
COMMIT;
SELECT runs FROM hr.runs_so_far;

\connect - sec_admin
DO $$
BEGIN
    PERFORM dbms_rls.drop_policy('hr', 'staff', 'dept');
    PERFORM dbms_rls.drop_policy('hr', 'team', 'dept');
    PERFORM dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.static());
    PERFORM dbms_rls.add_policy('hr', 'team', 'dept', 'hr', 'counted', policy_type => dbms_rls.static());
END
$$;
\connect - postgres
ALTER SEQUENCE hr.runs RESTART;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS staff FROM hr.staff;
SELECT count(*) AS team FROM hr.team;
COMMIT;
SELECT runs FROM hr.runs_so_far;
