-- Actions that changes of a table ($1) are.
SELECT p.action FROM vpd_private.protected_action p WHERE p.relation = $1::regclass;
