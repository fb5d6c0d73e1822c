-- A row when the table has the policy.
SELECT policy_name
  FROM vpd_private.policy
 WHERE relation = $1::regclass
   AND policy_name = $2;
