DELETE FROM vpd_private.policy_group
 WHERE relation = $1::regclass
   AND policy_group = $2;
