-- Adds an association to a policy, or removes it; the last one removed leaves none.
WITH changed AS (
    UPDATE vpd_private.policy
       SET associations = NULLIF(
               CASE WHEN $4 THEN array_append(array_remove(associations, $3), $3) ELSE array_remove(associations, $3) END,
               '{}'
           ),
           version = version + 1,
           altered_at = clock_timestamp()
     WHERE relation = $1::regclass
       AND policy_name = $2
    RETURNING *
), kept AS (
    INSERT INTO vpd_private.policy_version (relation, policy_name, version, change, definition)
    SELECT relation, policy_name, version, 'altered', to_jsonb(c) - '{relation,policy_name,version,created_by,created_at,altered_at}'::text[]
      FROM changed c
)
SELECT FROM changed;
