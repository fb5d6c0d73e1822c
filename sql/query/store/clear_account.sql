-- Takes unit or manager away from what a source tells of a user.
UPDATE vpd_private.user_account u
   SET unit = CASE WHEN $3 THEN NULL ELSE u.unit END,
       manager_id = CASE WHEN $4 THEN NULL ELSE u.manager_id END
  FROM vpd_private.authority a
 WHERE a.kind = 'user'
   AND a.name = $1
   AND a.dropped_at IS NULL
   AND u.user_id = a.id
   AND u.source = $2;
