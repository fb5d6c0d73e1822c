-- Joins of protected tables.
-- Oracle: each table of the statement gets its own condition.
-- Here: the same, for inner, outer, anti and self joins.

\ir ../prologue/staff.sql
CREATE TABLE hr.review (staff_id integer, dept integer, mark integer);
INSERT INTO hr.review VALUES (1, 10, 1), (2, 20, 2), (3, 20, 3), (4, 10, 4);
GRANT SELECT ON hr.review TO app_user;

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'review', 'dept', 'hr', 'own_department');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
SELECT id FROM hr.staff ORDER BY id;
SELECT staff_id, mark FROM hr.review ORDER BY 1;
SELECT s.id, r.mark FROM hr.staff s JOIN hr.review r ON r.staff_id = s.id ORDER BY 1;
SELECT s.id, r.mark FROM hr.staff s LEFT JOIN hr.review r ON r.staff_id = s.id ORDER BY 1;
SELECT s.id, r.mark FROM hr.staff s FULL JOIN hr.review r ON r.staff_id = s.id ORDER BY 1, 2;
SELECT id FROM hr.staff s WHERE NOT EXISTS (SELECT FROM hr.review r WHERE r.staff_id = s.id);
SELECT count(*) FROM hr.staff a CROSS JOIN hr.staff b;
SELECT count(*) FROM hr.staff a, LATERAL (SELECT FROM hr.staff b WHERE b.dept <> a.dept) x;
COMMIT;
