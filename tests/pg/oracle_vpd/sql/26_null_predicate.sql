-- A function that returns NULL or an empty text.
-- Oracle: no condition is added, every row is visible.
-- Here: no row is, unless the superuser sets vpd.null_predicate to all_rows for scripts that lean on Oracle's rule.

\ir ../prologue/staff.sql
CREATE FUNCTION hr.nothing(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT NULL::text $$;
CREATE FUNCTION hr.blank(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT '  ' $$;
CREATE TABLE hr.note (id integer);
INSERT INTO hr.note VALUES (1), (2);
GRANT SELECT, INSERT ON hr.note TO app_user;

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
