-- The newest version of each policy of a table. $1 the table.
SELECT policy_name, max(version)
  FROM vpd_private.policy_version
 WHERE relation = $1::regclass
 GROUP BY policy_name;
