-- Names that exist already, and names that do not: ORA-28101, 28102, 28118 to 28122.
-- Oracle: the name of a policy is unique for its table; a group is dropped when no policy is left in it.
-- Here: the same, with the same numbers.

\ir ../prologue/orders.sql

\connect - sec_admin
SELECT dbms_rls.add_policy('sales', 'orders', 'p', 'sales', 'own_tenant');
SELECT dbms_rls.add_policy('sales', 'orders', 'P', 'sales', 'own_tenant');
SELECT dbms_rls.add_policy('sales', 'nothing', 'p', 'sales', 'own_tenant');
SELECT dbms_rls.drop_policy('sales', 'orders', 'q');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'SHIPPING');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'sys_default');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'billing', 'q', 'sales', 'for_billing');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'p', 'sales', 'for_shipping');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'q', 'sales', 'for_shipping');
-- The policy is there, in another group.
SELECT dbms_rls.drop_policy('sales', 'orders', 'q');
SELECT dbms_rls.enable_grouped_policy('sales', 'orders', 'shipping', 'p');
SELECT dbms_rls.delete_policy_group('sales', 'orders', 'billing');
SELECT dbms_rls.delete_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.delete_policy_group('sales', 'orders', 'SYS_DEFAULT');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');
SELECT dbms_rls.drop_policy_context('sales', 'orders', 'subject', 'department');
SELECT dbms_rls.drop_policy_context('sales', 'orders', 'subject', 'application');
SELECT dbms_rls.drop_policy_context('sales', 'orders', 'subject', 'application');
SELECT dbms_rls.drop_grouped_policy('sales', 'orders', 'shipping', 'q');
SELECT dbms_rls.delete_policy_group('sales', 'orders', 'shipping');
-- Arguments that are missing.
SELECT dbms_rls.create_policy_group('sales', 'orders');
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject');
SELECT dbms_rls.add_policy();
