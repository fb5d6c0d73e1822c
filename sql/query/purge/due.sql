-- Looks at a batch of logins whose time has come, in that order: $1 how many, from $2 to $3. One that was used since it was looked at last has its uses
-- folded in, and its time comes again; the others are over, and locked by nobody here. Whoever changes one meanwhile is not waited for.
-- Returns when its time had come, the session, why it is over, NULL for one that is not, and whether nobody waits to be told any more: it has been over for
-- longer than a message lies in the queue ($4, in seconds).
WITH due AS (
    SELECT s.id,
           s.last_access_at,
           s.idle_timeout,
           s.expires_at,
           s.due_at
      FROM (
               -- As the index session_due_idx has it.
               SELECT *,
                      least(
                          (last_access_at AT TIME ZONE interval '0' + idle_timeout) AT TIME ZONE interval '0',
                          expires_at
                      ) AS due_at
                 FROM vpd_private.session
           ) s
     WHERE s.ended_at IS NULL
       AND s.parent_id IS NULL
       AND s.due_at >= coalesce($2::timestamptz, '-infinity')
       AND s.due_at <= $3
     ORDER BY s.due_at
     LIMIT $1
), seen AS (
    SELECT due.id,
           due.due_at,
           due.expires_at,
           u.used_at,
           -- No later than the absolute limit, and no earlier than its last use allows.
           least(
               greatest(due.due_at, (u.used_at AT TIME ZONE interval '0' + due.idle_timeout) AT TIME ZONE interval '0'),
               due.expires_at
           ) AS over_at
      FROM due
     CROSS JOIN LATERAL (SELECT max(u.used_at) AS used_at FROM vpd_private.session_use u WHERE u.root_id = due.id) u
), used AS (
    SELECT s.id,
           seen.used_at
      FROM seen
      JOIN vpd_private.session s ON s.id = seen.id
     WHERE seen.used_at IS NOT NULL
       AND seen.over_at > clock_timestamp()
     ORDER BY s.id
       FOR UPDATE OF s SKIP LOCKED
), moved AS (
    UPDATE vpd_private.session s
       -- Another purge may have folded in a later use since this one looked.
       SET last_access_at = greatest(s.last_access_at, used.used_at)
      FROM used
     WHERE s.id = used.id
), folded AS (
    DELETE FROM vpd_private.session_use u USING used WHERE u.root_id = used.id
)
SELECT seen.due_at,
       seen.id,
       CASE
           WHEN seen.over_at > clock_timestamp() THEN NULL
           WHEN seen.expires_at <= clock_timestamp() THEN 'absolute_timeout'
           ELSE 'idle_timeout'
       END AS reason,
       seen.over_at < clock_timestamp() - make_interval(secs => $4) AS is_forgotten
  FROM seen;
