DELETE FROM vpd_private.policy
 WHERE relation = $1::regclass
   AND policy_name = $2;
