-- Prepared statements and cursors over several sessions of one connection.
-- Oracle: a cursor keeps the conditions it was opened with; a prepared statement gets those of its next execution.
-- Here: a prepared statement follows the session; open cursors are closed when another session is attached.

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
CREATE SEQUENCE hr.runs;
GRANT USAGE, SELECT ON SEQUENCE hr.runs TO app_user;
CREATE VIEW hr.runs_so_far AS SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS runs FROM hr.runs;
GRANT SELECT ON hr.runs_so_far TO app_user;
CREATE FUNCTION hr.by_context(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('hr.runs');
    RETURN 'dept = ' || coalesce(vpd.attribute('hr', 'dept'), 'NULL');
END
$$;
SELECT vpd.create_session('ida', 'portal', attributes => '{"hr": {"dept": "10"}}') AS ida \gset
SELECT vpd.create_session('kim', 'portal', attributes => '{"hr": {"dept": "20"}}') AS kim \gset

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'dept', 'hr', 'by_context');
\connect - app_user
PREPARE seen(integer) AS SELECT id FROM hr.staff WHERE id > $1 ORDER BY id;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
EXECUTE seen(0);
EXECUTE seen(1);
DECLARE open_cursor CURSOR FOR SELECT id FROM hr.staff ORDER BY id;
FETCH 1 FROM open_cursor;
SELECT vpd.attach_session(:'kim') \gset
EXECUTE seen(0);
SAVEPOINT s;
FETCH 1 FROM open_cursor;
ROLLBACK TO s;
SELECT vpd.detach_session() \gset
EXECUTE seen(0);
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'ida') \gset
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM hr.staff;
ROLLBACK;
EXECUTE seen(0);
