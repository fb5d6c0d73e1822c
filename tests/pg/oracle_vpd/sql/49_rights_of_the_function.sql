-- Whose rights the function has.
-- Oracle: those of its owner (definer rights), unless it says AUTHID CURRENT_USER.
-- Here: those of whoever reads, unless it says SECURITY DEFINER; then pin its search_path.

\ir ../prologue/staff.sql
CREATE TABLE hr.secret_map (user_name text, dept integer);
INSERT INTO hr.secret_map VALUES ('ida', 10), ('kim', 20);
CREATE FUNCTION hr.as_caller(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept = ' || (SELECT dept FROM hr.secret_map WHERE user_name = vpd.user_name()) $$;
CREATE FUNCTION hr.as_owner(object_schema text, object_name text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'dept = ' || (SELECT dept FROM hr.secret_map WHERE user_name = vpd.user_name()) $$;
CREATE FUNCTION hr.who(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT CASE current_user WHEN 'app_user' THEN 'dept = 30' ELSE 'dept = 20' END $$;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'as_caller');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT count(*) FROM hr.staff;
ROLLBACK;
\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'as_owner');
\connect - app_user
SELECT * FROM hr.secret_map;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id FROM hr.staff ORDER BY id;
COMMIT;
\connect - sec_admin
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'who');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id FROM hr.staff ORDER BY id;
COMMIT;
