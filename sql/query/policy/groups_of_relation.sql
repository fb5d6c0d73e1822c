-- The policy groups of a table.
SELECT policy_group
  FROM vpd_private.policy_group
 WHERE relation = $1::regclass;
