-- policy_type => STATIC, and its older spelling static_policy => TRUE.
-- Oracle: the function runs once; its text stays in the shared pool.
-- Here: it runs once in each backend that uses the table, until the policy, the function or the table changes.

\ir ../prologue/staff.sql
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
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'counted', policy_type => dbms_rls.static());
SELECT kind FROM vpd.policy_definitions;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id FROM hr.staff ORDER BY id;
SELECT count(*) FROM hr.staff;
UPDATE hr.staff SET salary = salary WHERE id = 1;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'kim') \gset
SELECT id FROM hr.staff ORDER BY id;
COMMIT;
SELECT runs FROM hr.runs_so_far;
-- Another backend asks once more.
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
SELECT count(*) FROM hr.staff;
COMMIT;
SELECT runs FROM hr.runs_so_far;

-- The older spelling; policy_type counts when both are given.
\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'dept');
SELECT dbms_rls.add_policy('hr', 'staff', 'old', 'hr', 'counted', static_policy => true);
SELECT dbms_rls.add_policy('hr', 'staff', 'both', 'hr', 'counted', static_policy => true, policy_type => dbms_rls.dynamic());
SELECT policy_name, kind FROM vpd.policy_definitions ORDER BY policy_name;
