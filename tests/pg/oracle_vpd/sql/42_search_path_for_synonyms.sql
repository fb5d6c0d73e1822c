-- Synonyms.
-- Oracle: a policy can be put on a synonym, and a table read through one is protected.
-- Here: there are none; the search path finds the table, and the policy is on the table however it is named.

\ir ../prologue/staff.sql
CREATE SCHEMA other;
CREATE TABLE other.staff (id integer, dept integer);
INSERT INTO other.staff VALUES (98, 20), (99, 10);
GRANT USAGE ON SCHEMA other TO PUBLIC;
GRANT SELECT ON other.staff TO app_user;

\connect - sec_admin
SET search_path = other, hr;
SELECT dbms_rls.add_policy(object_name => 'staff', policy_name => 'dept', function_schema => 'hr', policy_function => 'own_department');
SET search_path = hr, other;
SELECT dbms_rls.add_policy(object_name => 'staff', policy_name => 'dept', policy_function => 'own_department');
SELECT relation::oid::regclass::text, policy_name FROM vpd.policy_definitions ORDER BY 1;
SET search_path = none;
SELECT dbms_rls.drop_policy(object_name => 'staff', policy_name => 'dept');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SET LOCAL search_path = hr, other;
SELECT id FROM staff ORDER BY id;
SET LOCAL search_path = other, hr;
SELECT id FROM staff ORDER BY id;
SELECT id FROM hr.staff ORDER BY id;
COMMIT;
-- A table renamed or moved keeps its policy.
\connect - postgres
ALTER TABLE hr.staff RENAME TO people;
ALTER TABLE hr.people SET SCHEMA other;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id FROM other.people ORDER BY id;
COMMIT;
