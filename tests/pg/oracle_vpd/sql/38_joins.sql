-- Joins of protected tables.
-- Oracle: each table of the statement gets its own condition.
-- Here: the same, for inner, outer, anti and self joins.

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
CREATE TABLE hr.review (staff_id integer, dept integer, mark integer);
INSERT INTO hr.review VALUES (1, 10, 1), (2, 20, 2), (3, 20, 3), (4, 10, 4);
GRANT SELECT ON hr.review TO app_user;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset

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
