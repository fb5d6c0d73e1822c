-- A driving context that a trusted package sets, and that changes within a transaction.
-- Oracle: the group follows the value of the next statement.
-- Here: the same, prepared statements and savepoints included.

\ir ../prologue/orders.sql
CREATE PROCEDURE sales.enter(application text) LANGUAGE plpgsql AS $$
BEGIN
    CALL dbms_session.set_context('driver', 'application', application);
END
$$;
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme"}}') AS ann \gset

\connect - sec_admin
SELECT vpd.create_context('driver', 'sales.enter');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'billing');
SELECT dbms_rls.add_policy('sales', 'orders', 'tenant', 'sales', 'own_tenant');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'south', 'sales', 'for_shipping');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'billing', 'open', 'sales', 'for_billing');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'DRIVER', 'APPLICATION');
SELECT namespace, attribute FROM vpd.policy_contexts;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
PREPARE seen AS SELECT id FROM sales.orders ORDER BY id;
EXECUTE seen;
CALL sales.enter('shipping');
EXECUTE seen;
CALL sales.enter('billing');
EXECUTE seen;
SELECT id FROM sales.orders ORDER BY id;
SAVEPOINT s;
CALL sales.enter('sys_default');
EXECUTE seen;
ROLLBACK TO s;
EXECUTE seen;
CALL sales.enter('no such group');
EXECUTE seen;
ROLLBACK TO s;
EXECUTE seen;
COMMIT;
EXECUTE seen;
