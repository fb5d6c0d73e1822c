-- A user of whom an identity source tells.
SELECT a.kind || ':' || a.name
  FROM vpd_private.user_account c
  JOIN vpd_private.authority a ON a.id = c.user_id AND a.dropped_at IS NULL
 WHERE c.source = $1
 LIMIT 1;
