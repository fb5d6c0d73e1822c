SELECT a.name
  FROM vpd_private.authority m
  JOIN vpd_private.user_account u ON u.manager_id = m.id
  JOIN vpd_private.identity_source s ON s.name = u.source
  JOIN vpd_private.authority a ON a.id = u.user_id AND a.dropped_at IS NULL
 WHERE m.kind = 'user'
   AND m.name = $1
   AND m.dropped_at IS NULL
   AND NOT EXISTS (
       -- Where sources disagree the one with the lower precedence counts.
       SELECT
         FROM vpd_private.user_account o
         JOIN vpd_private.identity_source os ON os.name = o.source
        WHERE o.user_id = u.user_id
          AND o.manager_id <> u.manager_id
          AND os.precedence < s.precedence
   )
 GROUP BY a.name
 ORDER BY a.name;
