-- What moves whole tables: COPY, CREATE TABLE AS, TRUNCATE, foreign keys (ORA-28117).
-- Oracle: direct path loads and exports run under the policies; a foreign key to a row that may not be seen is refused.
-- Here: COPY TO and CREATE TABLE AS give what may be seen; COPY FROM, TRUNCATE and new references to the table are refused.

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
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset
GRANT TRUNCATE, REFERENCES ON hr.staff TO app_user;
GRANT CREATE ON SCHEMA hr TO app_user;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department', update_check => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
COPY hr.staff (id, name, dept) TO STDOUT;
COPY (SELECT count(*) FROM hr.staff) TO STDOUT;
SAVEPOINT s;
CREATE TABLE hr.copied AS SELECT id FROM hr.staff;
SELECT count(*) FROM hr.copied;
ROLLBACK TO s;
TRUNCATE hr.staff;
ROLLBACK TO s;
CREATE TABLE hr.child (staff_id integer REFERENCES hr.staff);
ROLLBACK;
-- Without a session, nothing comes out.
COPY hr.staff TO STDOUT;
-- psql reads no further than a COPY that was refused.
COPY hr.staff FROM STDIN;
