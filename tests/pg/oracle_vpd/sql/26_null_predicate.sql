-- A function that returns NULL or an empty text.
-- Oracle: no condition is added, every row is visible.
-- Here: no row is, unless the superuser sets vpd.null_predicate to all_rows for scripts that lean on Oracle's rule.

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
CREATE FUNCTION hr.nothing(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT NULL::text $$;
CREATE FUNCTION hr.blank(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT '  ' $$;
CREATE TABLE hr.note (id integer);
INSERT INTO hr.note VALUES (1), (2);
GRANT SELECT, INSERT ON hr.note TO app_user;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'nothing', update_check => true);
SELECT dbms_rls.add_policy('hr', 'note', 'p', 'hr', 'blank');

\connect - app_user
SHOW vpd.null_predicate;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS staff FROM hr.staff;
SELECT count(*) AS notes FROM hr.note;
INSERT INTO hr.staff VALUES (7, 'Ole', 10, 1000, NULL);
ROLLBACK;
SET vpd.null_predicate = 'all_rows';

\connect - postgres
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET vpd.null_predicate = all_rows', current_database()); END $$;
\connect - app_user
SHOW vpd.null_predicate;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) AS staff FROM hr.staff;
SELECT count(*) AS notes FROM hr.note;
INSERT INTO hr.staff VALUES (7, 'Ole', 10, 1000, NULL);
ROLLBACK;
SELECT count(*) AS without_a_session FROM hr.staff;
