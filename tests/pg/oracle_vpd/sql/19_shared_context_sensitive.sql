-- policy_type => SHARED_CONTEXT_SENSITIVE: as context sensitive, and the text serves every table with the same function.
-- Oracle: the text is kept in the session and found again for the next table.
-- Here: the same.

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
CREATE TABLE hr.team (
    id integer PRIMARY KEY,
    dept integer NOT NULL
);
INSERT INTO hr.team VALUES (1, 10), (2, 20), (3, 20);
GRANT SELECT ON hr.team TO app_user;
CREATE SEQUENCE hr.runs;
GRANT USAGE, SELECT ON SEQUENCE hr.runs TO app_user;
CREATE VIEW hr.runs_so_far AS SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS runs FROM hr.runs;
GRANT SELECT ON hr.runs_so_far TO app_user;
CREATE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset
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
