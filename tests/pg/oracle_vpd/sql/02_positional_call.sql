-- Arguments by position, in Oracle's order, and what is left out.
-- Oracle: ADD_POLICY (object_schema, object_name, policy_name, function_schema, policy_function, statement_types, update_check,
-- enable, static_policy, policy_type, long_predicate, sec_relevant_cols, sec_relevant_cols_opt, namespace, attribute).
-- Here: the same order and the same defaults, as a function: EXECUTE becomes SELECT, or PERFORM within PL/pgSQL.

\ir ../prologue/staff.sql

\connect - sec_admin
SELECT dbms_rls.add_policy('hr', 'staff', 'five', 'hr', 'own_department');
SELECT dbms_rls.add_policy('hr', 'staff', 'seven', 'hr', 'own_department', 'select,update', true);
SELECT dbms_rls.add_policy('hr', 'staff', 'nine', 'hr', 'own_department', 'select', false, false, true);
SELECT dbms_rls.add_policy('hr', 'staff', 'twelve', 'hr', 'own_department', 'select', false, true, false,
    dbms_rls.shared_context_sensitive(), true, 'salary,commission');
SELECT dbms_rls.add_policy('hr', 'staff', 'fifteen', 'hr', 'own_department', 'select', false, true, false,
    dbms_rls.context_sensitive(), false, NULL, NULL, 'hr', 'dept');
SELECT policy_name, kind, statement_types, is_update_checked AS update_check, is_enabled AS enable, relevant_columns, associations
  FROM vpd.policy_definitions
 ORDER BY created_at;
SELECT policy_group, count(*) FROM vpd.policy_definitions GROUP BY policy_group;

-- Everything but the last argument of DROP_POLICY is positional as well.
SELECT dbms_rls.drop_policy('hr', 'staff', 'five');
-- A function is selected, not called.
CALL dbms_rls.drop_policy('hr', 'staff', 'seven');
SELECT policy_name FROM vpd.policy_definitions ORDER BY created_at;
