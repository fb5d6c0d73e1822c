-- Users who are switched off.
SELECT a.name
  FROM vpd_private.authority a
 WHERE a.kind = 'user'
   AND NOT a.is_enabled
   AND a.dropped_at IS NULL;
