-- What cannot have a policy: tables of the system (ORA-28103) and what row security does not reach (ORA-28134).
-- Oracle: nothing of SYS; tables, views and synonyms of others can.
-- Here: tables, partitioned ones included; a view shows what the policies of its tables let through.

\ir ../prologue/staff.sql
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
