-- A driving context that names no group of the table (ORA-28123).
-- Oracle: the statement fails.
-- Here: the same; the message does not show the value.

\ir ../prologue/orders.sql
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "auditing"}}') AS unknown \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": " "}}') AS blank \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "shipping"}}') AS shipping \gset

\connect - sec_admin
SELECT dbms_rls.create_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'billing');
SELECT dbms_rls.add_policy('sales', 'orders', 'tenant', 'sales', 'own_tenant');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'south', 'sales', 'for_shipping');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'billing', 'open', 'sales', 'for_billing');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'unknown') \gset
SELECT id FROM sales.orders;
ROLLBACK;
BEGIN;
SELECT vpd.attach_session(:'unknown') \gset
INSERT INTO sales.orders VALUES (6, 'acme', 'south', 'open');
ROLLBACK;
BEGIN;
SELECT vpd.attach_session(:'blank') \gset
SELECT id FROM sales.orders;
ROLLBACK;

-- The group exists from the commit of its creation on.
\connect - sec_admin
SELECT dbms_rls.create_policy_group('sales', 'orders', 'Auditing');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'unknown') \gset
SELECT id FROM sales.orders ORDER BY id;
COMMIT;
