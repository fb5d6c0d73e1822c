-- Names of schemas, tables, policies, functions and columns.
-- Oracle: folded to upper case unless double-quoted.
-- Here: folded to lower case unless double-quoted, as SQL folds them in PostgreSQL. A group is kept in upper case.

\ir ../prologue/staff.sql
CREATE SCHEMA "Human Resources";
GRANT USAGE ON SCHEMA "Human Resources" TO PUBLIC;
CREATE TABLE "Human Resources"."Staff ""A""" (id integer, dept integer, "Pay" integer);
INSERT INTO "Human Resources"."Staff ""A""" VALUES (1, 10, 100), (2, 20, 200);
GRANT SELECT ON "Human Resources"."Staff ""A""" TO app_user;
CREATE FUNCTION "Human Resources"."Own"(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT CASE WHEN object_schema = 'Human Resources' AND object_name = 'Staff "A"' THEN 'dept = 10' ELSE 'false' END $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('HR', 'Staff', 'Department_Policy', 'Hr', 'OWN_DEPARTMENT', sec_relevant_cols => 'SALARY "commission"');
SELECT dbms_rls.add_policy('"Human Resources"', '"Staff ""A"""', '"Mixed Case"', '"Human Resources"', '"Own"', sec_relevant_cols => '"Pay"');
SELECT relation, policy_name, function_schema, function_name, relevant_columns FROM vpd.policy_definitions ORDER BY relation::text;
SELECT dbms_rls.add_policy('"HR"', 'staff', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', '"STAFF"', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'staff', '"DEPARTMENT_POLICY"', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'staff', 'q', 'hr', 'own_department', sec_relevant_cols => '"SALARY"');
SELECT dbms_rls.drop_policy('hr', 'staff', 'department_POLICY');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id FROM "Human Resources"."Staff ""A""" ORDER BY id;
SELECT id, "Pay" FROM "Human Resources"."Staff ""A""" ORDER BY id;
COMMIT;
