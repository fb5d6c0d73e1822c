-- A row for each policy of a group.
SELECT policy_name
  FROM vpd_private.policy
 WHERE relation = $1::regclass
   AND policy_group = $2;
