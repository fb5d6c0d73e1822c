-- A partitioned table.
-- Oracle: the policy is on the table, and PARTITION (name) reads a part of it under the same policy.
-- Here: rows are seen through the table only; a partition read by its own name shows none.

CREATE SCHEMA hr;
GRANT USAGE ON SCHEMA hr TO PUBLIC;
CREATE TABLE hr.time_sheet (staff_id integer, dept integer, year integer, hours integer) PARTITION BY LIST (year);
CREATE TABLE hr.time_sheet_2025 PARTITION OF hr.time_sheet FOR VALUES IN (2025);
CREATE TABLE hr.time_sheet_2026 PARTITION OF hr.time_sheet FOR VALUES IN (2026);
INSERT INTO hr.time_sheet VALUES (1, 10, 2025, 8), (2, 10, 2026, 7), (3, 20, 2025, 6), (4, 20, 2026, 5);
GRANT SELECT, INSERT, UPDATE ON hr.time_sheet, hr.time_sheet_2025, hr.time_sheet_2026 TO app_user;
CREATE FUNCTION hr.own_department(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'dept = vpd.attribute(''hr'', ''dept'')::integer';
END
$$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'time_sheet', 'dept', 'hr', 'own_department', update_check => true);
SELECT dbms_rls.add_policy('hr', 'time_sheet', 'hours', 'hr', 'own_department', sec_relevant_cols => 'hours');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT * FROM hr.time_sheet ORDER BY year;
SELECT count(*) AS past_the_table FROM hr.time_sheet_2025;
-- A row that moves to another partition stays under the policy.
UPDATE hr.time_sheet SET year = 2026 WHERE year = 2025;
SELECT * FROM hr.time_sheet ORDER BY staff_id;
SAVEPOINT s;
INSERT INTO hr.time_sheet VALUES (5, 20, 2025, 1);
ROLLBACK;

-- A partition that is added later is protected from its first moment.
\connect - postgres
CREATE TABLE hr.time_sheet_2027 PARTITION OF hr.time_sheet FOR VALUES IN (2027);
GRANT SELECT ON hr.time_sheet_2027 TO app_user;
INSERT INTO hr.time_sheet VALUES (6, 20, 2027, 4), (7, 10, 2027, 3);
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT staff_id, year FROM hr.time_sheet ORDER BY year;
SELECT count(*) AS past_the_table FROM hr.time_sheet_2027;
COMMIT;
