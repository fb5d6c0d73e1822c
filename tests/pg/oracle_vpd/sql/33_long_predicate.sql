-- long_predicate.
-- Oracle: FALSE allows 4000 bytes, TRUE 32 KB.
-- Here: the text may be as long as PostgreSQL can parse; the parameter is accepted and changes nothing.

\ir ../prologue/staff.sql
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
