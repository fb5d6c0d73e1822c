-- namespace and attribute, and ALTER_POLICY: a context-sensitive function runs again only when an associated attribute changed.
-- Oracle: without an association any change of the context is looked at; ADD_ and REMOVE_ATTRIBUTE_ASSOCIATION change the list.
-- Here: the same.

\ir ../prologue/staff.sql
\ir ../prologue/runs.sql
CREATE FUNCTION hr.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10", "shift": "day"}}') AS day \gset
SELECT vpd.create_session('jon', 'portal', attributes => '{"hr": {"dept": "10", "shift": "night"}}') AS night \gset
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20", "shift": "night"}}') AS other \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.context_sensitive(),
    namespace => 'hr', attribute => 'dept');
SELECT associations FROM vpd.policy_definitions;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'day') \gset
SELECT count(*) FROM hr.staff;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'night') \gset
SELECT id FROM hr.staff ORDER BY id;
SELECT runs AS same_department FROM hr.runs_so_far;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'other') \gset
SELECT id FROM hr.staff ORDER BY id;
SELECT runs AS other_department FROM hr.runs_so_far;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.alter_policy('hr', 'staff', 'dept', dbms_rls.add_attribute_association(), 'hr', 'shift');
SELECT associations FROM vpd.policy_definitions;
\connect - postgres
ALTER SEQUENCE hr.runs RESTART;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'day') \gset
SELECT count(*) FROM hr.staff;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'night') \gset
SELECT count(*) FROM hr.staff;
SELECT runs AS both_attributes FROM hr.runs_so_far;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.alter_policy('hr', 'staff', 'dept', dbms_rls.remove_attribute_association(), 'hr', 'dept');
SELECT dbms_rls.alter_policy('hr', 'staff', 'dept', dbms_rls.remove_attribute_association(), 'hr', 'shift');
SELECT associations FROM vpd.policy_definitions;
\connect - postgres
ALTER SEQUENCE hr.runs RESTART;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'day') \gset
SELECT count(*) FROM hr.staff;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'night') \gset
SELECT count(*) FROM hr.staff;
SELECT runs AS any_change FROM hr.runs_so_far;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.alter_policy('hr', 'staff', 'dept', 7, 'hr', 'dept');
SELECT dbms_rls.alter_policy('hr', 'staff', 'dept', dbms_rls.add_attribute_association(), 'hr');
SELECT dbms_rls.alter_policy('hr', 'staff', 'none', dbms_rls.add_attribute_association(), 'hr', 'dept');
