-- Drops an audit policy. $1 table, $2 name.
DELETE FROM vpd_private.audit_policy WHERE relation = $1::regclass AND policy_name = $2;
