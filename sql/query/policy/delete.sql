WITH dropped AS (
    DELETE FROM vpd_private.policy
     WHERE relation = $1::regclass
       AND policy_name = $2
    RETURNING *
), dropped_shadow AS (
    DELETE FROM vpd_private.policy_shadow
     WHERE relation = $1::regclass
       AND policy_name = $2
), kept AS (
    INSERT INTO vpd_private.policy_version (relation, policy_name, version, change, definition)
    SELECT relation, policy_name, version + 1, 'dropped', to_jsonb(d) - '{relation,policy_name,version,created_by,created_at,altered_at}'::text[]
      FROM dropped d
)
SELECT FROM dropped;
