-- More than one driving context on a table.
-- Oracle: each names a group, and the policies of all these groups apply beside SYS_DEFAULT.
-- Here: the same.

\ir ../prologue/orders.sql
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "shipping", "department": "billing"}}') AS both \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "shipping", "department": "shipping"}}') AS same \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "sys_default", "department": "billing"}}') AS one \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "shipping"}}') AS shipping \gset

\connect - sec_admin
SELECT dbms_rls.create_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'billing');
SELECT dbms_rls.add_policy('sales', 'orders', 'tenant', 'sales', 'own_tenant');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'south', 'sales', 'for_shipping');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'billing', 'open', 'sales', 'for_billing');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'department');

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'both') \gset
SELECT id AS shipping_and_billing FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'same') \gset
SELECT id AS shipping_twice FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'one') \gset
SELECT id AS billing FROM sales.orders ORDER BY id;
COMMIT;
-- One of the two has no value: every group applies.
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS every_group FROM sales.orders ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.drop_policy_context('sales', 'orders', 'subject', 'department');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'both') \gset
SELECT id AS shipping_alone FROM sales.orders ORDER BY id;
COMMIT;
