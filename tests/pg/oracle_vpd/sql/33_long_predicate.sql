-- long_predicate.
-- Oracle: FALSE allows 4000 bytes, TRUE 32 KB.
-- Here: the text may be as long as PostgreSQL can parse; the parameter is accepted and changes nothing.

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
CREATE FUNCTION hr.long(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept IN (10' || repeat(', 10', vpd.attribute('hr', 'length')::integer) || ')' $$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"length": "10000"}}') AS long \gset
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"length": "20000"}}') AS longer \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'long', long_predicate => false);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'long') \gset
SELECT length(vpd.effective_predicate('hr.staff')) AS characters, count(*) FROM hr.staff;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'longer') \gset
SELECT length(vpd.effective_predicate('hr.staff')) AS characters, count(*) FROM hr.staff;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'long', long_predicate => true);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'long') \gset
SELECT count(*) FROM hr.staff;
COMMIT;
