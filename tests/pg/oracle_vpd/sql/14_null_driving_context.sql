-- A driving context without a value.
-- Oracle: the policies of every group apply, so that an application that forgot to set it sees less and not more.
-- Here: the same; an empty text counts as no value, as it does in Oracle.

\ir ../prologue/orders.sql
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme"}}') AS unset \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": ""}}') AS empty \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "shipping"}}') AS shipping \gset

\connect - sec_admin
SELECT dbms_rls.create_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'billing');
SELECT dbms_rls.add_policy('sales', 'orders', 'tenant', 'sales', 'own_tenant');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'south', 'sales', 'for_shipping');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'billing', 'open', 'sales', 'for_billing');

-- Without a driving context at all, every group applies as well.
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS no_driving_context FROM sales.orders ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'unset') \gset
SELECT id AS no_value FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'empty') \gset
SELECT id AS empty_value FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS shipping FROM sales.orders ORDER BY id;
COMMIT;
