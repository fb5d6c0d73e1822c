-- A context accessed globally: values shared by sessions, kept by user and client identifier.
-- Oracle: CREATE CONTEXT … ACCESSED GLOBALLY, for pools whose sessions belong to nobody; SET_IDENTIFIER picks the values.
-- Here: the same; the client identifier is the user of the attached session, and changing it needs a privilege of its own.

\ir ../prologue/purchases.sql
CREATE PROCEDURE oe.share(customer text, username text, client_id text) LANGUAGE plpgsql AS $$
BEGIN
    CALL dbms_session.set_context('order_entry', 'customer', customer, username, client_id);
END
$$;
CREATE FUNCTION oe.own_purchases(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'customer = vpd.sys_context(''order_entry'', ''customer'')::integer' $$;
SELECT vpd.create_session('ann', 'portal') AS ann \gset
SELECT vpd.create_session('bob', 'portal') AS bob \gset

\connect - sec_admin
SELECT vpd.create_context('order_entry', 'oe.share', accessed_globally => true);
SELECT dbms_rls.add_policy('oe', 'purchase', 'own', 'oe', 'own_purchases');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
CALL oe.share('101', NULL, 'ann');
CALL oe.share('102', NULL, 'bob');
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'ann') \gset
SELECT id FROM oe.purchase ORDER BY id;
COMMIT;
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'bob') \gset
SELECT id FROM oe.purchase ORDER BY id;
CALL dbms_session.set_identifier('ann');
ROLLBACK;
SELECT count(*) AS without_a_session FROM oe.purchase;
