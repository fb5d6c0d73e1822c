-- policy_type => SHARED_CONTEXT_SENSITIVE: as context sensitive, and the text serves every table with the same function.
-- Oracle: the text is kept in the session and found again for the next table.
-- Here: the same.

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
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.shared_context_sensitive());
SELECT dbms_rls.add_policy('hr', 'team', 'dept', 'hr', 'counted', policy_type => dbms_rls.shared_context_sensitive());

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS staff FROM hr.staff;
SELECT count(*) AS team FROM hr.team;
SELECT count(*) AS both FROM hr.staff JOIN hr.team USING (dept);
SELECT runs AS one_for_both_tables FROM hr.runs_so_far;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'kim') \gset
SELECT count(*) AS team FROM hr.team;
SELECT count(*) AS staff FROM hr.staff;
SELECT runs AS one_more FROM hr.runs_so_far;
COMMIT;

-- Not shared: one for each table.
\connect - sec_admin
DO $$
BEGIN
    PERFORM dbms_rls.drop_policy('hr', 'staff', 'dept');
    PERFORM dbms_rls.drop_policy('hr', 'team', 'dept');
    PERFORM dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.context_sensitive());
    PERFORM dbms_rls.add_policy('hr', 'team', 'dept', 'hr', 'counted', policy_type => dbms_rls.context_sensitive());
END
$$;
\connect - postgres
ALTER SEQUENCE hr.runs RESTART;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS staff FROM hr.staff;
SELECT count(*) AS team FROM hr.team;
SELECT runs AS one_for_each_table FROM hr.runs_so_far;
COMMIT;
