-- Adds an audit policy. $1 table, $2 name, $3 columns or NULL for all, $4 commands, $5 mode, $6 whether it is enabled, $7 whether all columns must be named, $8 condition,
-- $9 and $10 schema and name of the handler, $11 whether statements are recorded, $12 the handler's owner. Adds nothing when there is one of that name.
INSERT INTO vpd_private.audit_policy (
    relation, policy_name, columns, commands, mode, is_enabled, needs_all_columns, condition, handler_schema, handler_name, tells_statement,
    handler_owner
)
VALUES ($1::regclass, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (relation, policy_name) DO NOTHING;
