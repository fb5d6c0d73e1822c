-- Who may call the package.
-- Oracle: EXECUTE on DBMS_RLS; in recent releases ADMINISTER FINE GRAINED ACCESS CONTROL.
-- Here: the profile security_admin; the constants, too, belong to it.

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

\connect - app_user
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'own_department');
SELECT dbms_rls.dynamic();
\connect - app_owner
SELECT dbms_rls.refresh_policy();
\connect - app_auditor
SELECT dbms_rls.drop_policy('hr', 'staff', 'p');
\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'p', 'hr', 'own_department');
SELECT dbms_rls.static(), dbms_rls.shared_static(), dbms_rls.context_sensitive(), dbms_rls.shared_context_sensitive(), dbms_rls.dynamic();
SELECT dbms_rls.all_rows(), dbms_rls.add_attribute_association(), dbms_rls.remove_attribute_association();
-- The administrator of policies reads no row.
SELECT count(*) FROM hr.staff;
-- Fifteen procedures, eight constants.
\connect - postgres
SELECT proname, pronargs, pg_get_function_result(oid) AS result
  FROM pg_proc WHERE pronamespace = 'dbms_rls'::regnamespace ORDER BY pronargs = 0, proname;
SELECT proargnames FROM pg_proc WHERE oid = 'dbms_rls.add_grouped_policy'::regproc;
