-- Whose rights the function has.
-- Oracle: those of its owner (definer rights), unless it says AUTHID CURRENT_USER.
-- Here: those of whoever reads, unless it says SECURITY DEFINER; then pin its search_path.

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
CREATE TABLE hr.secret_map (user_name text, dept integer);
INSERT INTO hr.secret_map VALUES ('ida', 10), ('kim', 20);
CREATE FUNCTION hr.as_caller(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'dept = ' || (SELECT dept FROM hr.secret_map WHERE user_name = vpd.user_name()) $$;
CREATE FUNCTION hr.as_owner(object_schema text, object_name text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'dept = ' || (SELECT dept FROM hr.secret_map WHERE user_name = vpd.user_name()) $$;
CREATE FUNCTION hr.who(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT CASE current_user WHEN 'app_user' THEN 'dept = 30' ELSE 'dept = 20' END $$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset

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
