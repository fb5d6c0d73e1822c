-- What a grant from $3 (NULL: as it stands, or from now) until $4 (NULL: for good) meets of what holds, or will; first the one that it is about, which
-- begins as asked for. For each: when it begins, if it is that one; whether it ends as asked for; and who seeded it.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now, coalesce($4::timestamptz, 'infinity') AS valid_until
), open AS MATERIALIZED (
    SELECT g.id, g.valid_from, g.valid_until, g.seeded_by
      FROM vpd_private.authority_grant g
     CROSS JOIN moment
     WHERE g.holder_id = $1
       AND g.granted_id = $2
       AND g.valid_until > moment.now
       AND g.valid_from < moment.valid_until
), same AS (
    SELECT o.id, o.valid_from
      FROM open o
     CROSS JOIN moment
     WHERE ($3::timestamptz IS NULL OR o.valid_from = $3)
       AND moment.valid_until > moment.now
     ORDER BY o.valid_from, o.id
     LIMIT 1
)
SELECT s.valid_from,
       o.valid_until = moment.valid_until,
       o.seeded_by
  FROM open o
 CROSS JOIN moment
  LEFT JOIN same s ON s.id = o.id
 WHERE s.id IS NOT NULL
    OR o.valid_until > coalesce((SELECT valid_from FROM same), $3, moment.now)
 ORDER BY s.id IS NULL;
