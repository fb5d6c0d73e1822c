-- The order-entry application: a trusted package looks up the customer of whoever logged in and puts the number into a context;
-- the policy compares the number with the column.
-- Oracle: CREATE CONTEXT order_entry USING oe.customer_context; a logon trigger calls the package.
-- Here: vpd.create_context; the application calls the package after attaching the session, as the first thing in a transaction.

\ir ../prologue/purchases.sql
CREATE PROCEDURE oe.set_customer() LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number integer;
BEGIN
    SELECT c.id INTO number FROM oe.customer c WHERE c.login = vpd.sys_context('userenv', 'client_identifier');
    CALL dbms_session.set_context('order_entry', 'customer', number::text);
END
$$;
CREATE PROCEDURE oe.impostor() LANGUAGE plpgsql AS $$
BEGIN
    CALL dbms_session.set_context('order_entry', 'customer', '102');
END
$$;
CREATE FUNCTION oe.own_purchases(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'customer = vpd.sys_context(''order_entry'', ''customer'')::integer' $$;
SELECT vpd.create_session('ann', 'portal') AS ann \gset
SELECT vpd.create_session('bob', 'portal') AS bob \gset
SELECT vpd.create_session('eve', 'portal') AS eve \gset

\connect - sec_admin
SELECT vpd.create_context('order_entry', 'oe.set_customer');
SELECT namespace, function_schema, function_name, is_global FROM vpd.contexts;
SELECT dbms_rls.add_policy('oe', 'purchase', 'own_purchases', 'oe', 'own_purchases', update_check => true);

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
SELECT count(*) AS before_the_package FROM oe.purchase;
CALL oe.set_customer();
SELECT vpd.sys_context('order_entry', 'customer');
SELECT id, total FROM oe.purchase ORDER BY id;
UPDATE oe.purchase SET total = total + 1;
SAVEPOINT s;
INSERT INTO oe.purchase VALUES (5, 102, 1);
ROLLBACK TO s;
INSERT INTO oe.purchase VALUES (5, 101, 1);
COMMIT;
SELECT count(*) AS after_the_transaction FROM oe.purchase;
BEGIN;
SELECT vpd.attach_session(:'bob') \gset
CALL oe.set_customer();
SELECT id, total FROM oe.purchase ORDER BY id;
COMMIT;
-- Nobody else sets the value: not a statement, not another package.
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
CALL dbms_session.set_context('order_entry', 'customer', '102');
ROLLBACK;
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
CALL oe.impostor();
ROLLBACK;
-- A user who is no customer has no number and sees nothing.
BEGIN;
SELECT vpd.attach_session(:'eve') \gset
CALL oe.set_customer();
SELECT count(*) AS no_customer FROM oe.purchase;
COMMIT;
