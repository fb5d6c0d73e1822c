-- Two applications use one table, each with policies of its own: a group for each, chosen by a driving context.
-- Oracle: the value of the driving context names the group that applies; the policies of SYS_DEFAULT apply always.
-- Here: the same; names of groups compare in upper case.

\ir ../prologue/orders.sql
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "shipping"}}') AS shipping \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "Billing"}}') AS billing \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "SYS_DEFAULT"}}') AS plain \gset

\connect - sec_admin
SELECT dbms_rls.create_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'billing');
SELECT dbms_rls.add_policy('sales', 'orders', 'tenant', 'sales', 'own_tenant');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'south', 'sales', 'for_shipping');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'billing', 'open', 'sales', 'for_billing');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');
SELECT * FROM vpd.policy_groups;
SELECT policy_group, policy_name FROM vpd.policy_definitions ORDER BY 1, 2;
SELECT * FROM vpd.policy_contexts;

\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS shipping FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'billing') \gset
SELECT id AS billing FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'plain') \gset
SELECT id AS sys_default_alone FROM sales.orders ORDER BY id;
COMMIT;

-- Disabling, enabling and dropping within a group.
\connect - sec_admin
SELECT dbms_rls.disable_grouped_policy('sales', 'orders', 'shipping', 'south');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS shipping_disabled FROM sales.orders ORDER BY id;
COMMIT;
\connect - sec_admin
SELECT dbms_rls.enable_grouped_policy('sales', 'orders', 'shipping', 'south');
SELECT dbms_rls.drop_grouped_policy('sales', 'orders', 'billing', 'open');
SELECT dbms_rls.delete_policy_group('sales', 'orders', 'billing');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS shipping_enabled FROM sales.orders ORDER BY id;
COMMIT;
