-- A batch of sessions that are over and not ended yet: past a time-out, or made while what they came out of was being ended.
(
    SELECT s.id,
           CASE WHEN s.expires_at <= clock_timestamp() THEN 'absolute_timeout' ELSE 'idle_timeout' END AS reason
      FROM vpd_private.session s
     WHERE s.ended_at IS NULL
       AND s.parent_id IS NULL
       AND least(s.last_access_at + s.idle_timeout, s.expires_at) <= clock_timestamp()
       AND (s.expires_at <= clock_timestamp() OR NOT EXISTS (
               SELECT FROM vpd_private.session_use u
                WHERE u.root_id = s.id
                  AND u.used_at + s.idle_timeout > clock_timestamp()
           ))
     LIMIT $1
)
UNION ALL
(
    SELECT s.id,
           'session_over'
      FROM vpd_private.session s
     WHERE s.ended_at IS NULL
       AND s.parent_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM vpd_private.session above WHERE above.id = s.parent_id AND above.ended_at IS NULL)
     LIMIT $1
);
