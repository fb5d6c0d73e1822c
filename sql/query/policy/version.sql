-- A version of a policy that still exists: the one asked for, or the one before the newest.
SELECT v.version,
       v.definition ->> 'predicate'
  FROM vpd_private.policy p
  JOIN vpd_private.policy_version v ON v.relation = p.relation AND v.policy_name = p.policy_name
 WHERE p.relation = $1::regclass
   AND p.policy_name = $2
   AND CASE WHEN $3::integer IS NULL THEN v.version < p.version AND v.change <> 'dropped' ELSE v.version = $3 END
 ORDER BY v.version DESC
 LIMIT 1;
