-- Each user's manager; where sources disagree the one with the lower precedence counts.
SELECT DISTINCT ON (u.user_id) a.name, m.name
  FROM vpd_private.user_account u
  JOIN vpd_private.identity_source s ON s.name = u.source
  JOIN vpd_private.authority a ON a.id = u.user_id AND a.dropped_at IS NULL
  JOIN vpd_private.authority m ON m.id = u.manager_id
 WHERE u.manager_id IS NOT NULL
 ORDER BY u.user_id, s.precedence;
