INSERT INTO vpd_private.policy_group (relation, policy_group)
VALUES ($1::regclass, $2)
    ON CONFLICT DO NOTHING;
