-- A policy for SELECT alone.
-- Oracle: UPDATE and DELETE are left to their own policies, even where they read the rows they find.
-- Here: an UPDATE or DELETE that reads a column (in WHERE, SET or RETURNING) must see the row first; one that reads none is left alone.

\ir ../prologue/staff.sql

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'reading', 'hr', 'own_department', 'SELECT');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id, dept FROM hr.staff ORDER BY id;
-- An INSERT is free; what it wrote is not seen, and RETURNING would show it.
INSERT INTO hr.staff VALUES (7, 'Ole', 30, 1000, NULL);
INSERT INTO hr.staff VALUES (8, 'Pia', 30, 1000, NULL) RETURNING id;
ROLLBACK;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
-- Reads nothing: every row.
WITH changed AS (UPDATE hr.staff SET commission = 0 RETURNING 1) SELECT count(*) AS changed FROM changed;
-- Reads a column: the rows that may be seen.
WITH changed AS (UPDATE hr.staff SET commission = 1 WHERE id > 0 RETURNING 1) SELECT count(*) AS changed FROM changed;
WITH changed AS (DELETE FROM hr.staff WHERE dept = 20 RETURNING 1) SELECT count(*) AS deleted FROM changed;
ROLLBACK;
