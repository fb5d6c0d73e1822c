-- The views of the dictionary.
-- Oracle: ALL_POLICIES, ALL_POLICY_GROUPS, ALL_POLICY_CONTEXTS, ALL_POLICY_ATTRIBUTES, ALL_SEC_RELEVANT_COLS.
-- Here: views of the same names and columns in the schema vpd, for administrators and auditors.

\ir ../prologue/orders.sql

\connect - sec_admin
DO $$
BEGIN
    PERFORM dbms_rls.create_policy_group('sales', 'orders', 'shipping');
    PERFORM dbms_rls.add_policy('sales', 'orders', 'tenant', 'sales', 'own_tenant', update_check => true);
    PERFORM dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'south', 'sales', 'for_shipping', 'select, index', enable => false,
        policy_type => dbms_rls.context_sensitive(), namespace => 'subject', attribute => 'tenant');
    PERFORM dbms_rls.add_policy('sales', 'orders', 'ledger', 'sales', 'for_billing', 'select', sec_relevant_cols => 'ledger, warehouse');
    PERFORM dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');
END
$$;
\connect - app_auditor
\x on
SELECT * FROM vpd.all_policies ORDER BY policy_name;
\x off
SELECT * FROM vpd.all_policy_groups;
SELECT * FROM vpd.all_policy_contexts;
SELECT * FROM vpd.all_policy_attributes;
SELECT * FROM vpd.all_sec_relevant_cols ORDER BY sec_rel_column;
\connect - app_user
SELECT count(*) FROM vpd.all_policies;
