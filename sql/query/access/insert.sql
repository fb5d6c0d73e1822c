-- Adds an audit policy. $1 table, $2 name, $3 columns or NULL for all, $4 commands, $5 mode, $6 whether it is enabled. Adds nothing when there is one of that name.
INSERT INTO vpd_private.audit_policy (relation, policy_name, columns, commands, mode, is_enabled)
VALUES ($1::regclass, $2, $3, $4, $5, $6)
ON CONFLICT (relation, policy_name) DO NOTHING;
