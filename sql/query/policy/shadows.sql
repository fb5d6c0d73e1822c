-- The shadows of a table: all, or one.
SELECT policy_name,
       predicate,
       function_schema,
       function_name,
       kind,
       statement_types,
       is_update_checked,
       relevant_columns
  FROM vpd_private.policy_shadow
 WHERE relation = $1::regclass
   AND ($2::text IS NULL OR policy_name = $2)
 ORDER BY policy_name;
