DELETE FROM vpd_private.policy_shadow
 WHERE relation = $1::regclass
   AND policy_name = $2;
