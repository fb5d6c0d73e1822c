-- Switches an audit policy on or off. $1 table, $2 name, $3 whether it is enabled.
UPDATE vpd_private.audit_policy SET is_enabled = $3 WHERE relation = $1::regclass AND policy_name = $2;
