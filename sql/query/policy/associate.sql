-- Adds an association to a policy, or removes it; the last one removed leaves none.
UPDATE vpd_private.policy
   SET associations = NULLIF(
           CASE WHEN $4 THEN array_append(array_remove(associations, $3), $3) ELSE array_remove(associations, $3) END,
           '{}'
       ),
       version = version + 1,
       altered_at = clock_timestamp()
 WHERE relation = $1::regclass
   AND policy_name = $2;
