-- What cannot have a policy: tables of the system (ORA-28103) and what row security does not reach (ORA-28134).
-- Oracle: nothing of SYS; tables, views and synonyms of others can.
-- Here: tables, partitioned ones included; a view shows what the policies of its tables let through.

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
CREATE FUNCTION hr.own_department(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'dept = vpd.attribute(''hr'', ''dept'')::integer';
END
$$;
CREATE VIEW hr.names AS SELECT id, name FROM hr.staff;
CREATE MATERIALIZED VIEW hr.frozen AS SELECT id, name FROM hr.staff;
CREATE SEQUENCE hr.numbers;
CREATE TABLE hr.parent (id integer, dept integer) PARTITION BY LIST (dept);
CREATE TABLE hr.part PARTITION OF hr.parent FOR VALUES IN (10);

\connect - sec_admin
SELECT dbms_rls.add_policy('pg_catalog', 'pg_class', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('information_schema', 'sql_features', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('vpd_private', 'policy', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'names', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'frozen', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'numbers', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'part', 'p', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'parent', 'p', 'hr', 'own_department');
CREATE TEMPORARY TABLE scratch (dept integer);
SELECT dbms_rls.add_policy('pg_temp', 'scratch', 'p', 'hr', 'own_department');
SELECT vpd.add_policy('scratch', 'p', 'true');
SELECT count(*) FROM vpd.policy_definitions;
