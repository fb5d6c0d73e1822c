-- CONTEXT_SENSITIVE policies and values that change within a transaction.
-- Oracle: the function runs again when a value of the context was set since; with an association, when that attribute was.
-- Here: the same, and never more often than in Oracle.

\ir ../prologue/purchases.sql
CREATE SEQUENCE oe.runs;
GRANT USAGE, SELECT ON SEQUENCE oe.runs TO app_user;
CREATE VIEW oe.runs_so_far AS SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS runs FROM oe.runs;
GRANT SELECT ON oe.runs_so_far TO app_user;
CREATE FUNCTION oe.counted(object_schema text, object_name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('oe.runs');
    RETURN 'customer = ' || coalesce(vpd.sys_context('order_entry', 'customer'), '0');
END
$$;
-- The trusted package of this test sets whatever it is asked to.
CREATE PROCEDURE oe.set_value(attribute text, value text) LANGUAGE plpgsql AS $$
BEGIN
    CALL dbms_session.set_context('order_entry', attribute, value);
END
$$;
SELECT vpd.create_session('ann', 'portal') AS ann \gset

\connect - sec_admin
SELECT vpd.create_context('order_entry', 'oe.set_value');
SELECT dbms_rls.add_policy('oe', 'purchase', 'p', 'oe', 'counted', policy_type => dbms_rls.context_sensitive());

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
CALL oe.set_value('customer', '101');
PREPARE seen AS SELECT id FROM oe.purchase ORDER BY id;
EXECUTE seen;
EXECUTE seen;
SELECT count(*) FROM oe.purchase;
SELECT runs FROM oe.runs_so_far;
CALL oe.set_value('customer', '102');
EXECUTE seen;
SELECT runs FROM oe.runs_so_far;
-- A savepoint brings the value back, and the rows with it.
SAVEPOINT s;
CALL oe.set_value('customer', '103');
EXECUTE seen;
ROLLBACK TO s;
EXECUTE seen;
CALL oe.set_value('customer', NULL);
EXECUTE seen;
COMMIT;

-- With an association: only that attribute counts.
\connect - sec_admin
SELECT dbms_rls.alter_policy('oe', 'purchase', 'p', dbms_rls.add_attribute_association(), 'order_entry', 'customer');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
CALL oe.set_value('customer', '101');
PREPARE seen AS SELECT id FROM oe.purchase ORDER BY id;
EXECUTE seen;
SELECT runs AS before FROM oe.runs_so_far \gset
CALL oe.set_value('language', 'de');
EXECUTE seen;
SELECT count(*) FROM oe.purchase;
SELECT runs - :before AS none_more FROM oe.runs_so_far;
CALL oe.set_value('customer', '102');
EXECUTE seen;
SELECT runs - :before AS one_more FROM oe.runs_so_far;
COMMIT;
