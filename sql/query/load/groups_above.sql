-- The groups that these groups belong to, now or later, and what those belong to.
WITH RECURSIVE above (id) AS (
    SELECT unnest($1::integer[])
    UNION
    SELECT g.granted_id
      FROM above a
      JOIN vpd_private.authority_grant g ON g.holder_id = a.id AND g.valid_until > clock_timestamp()
      JOIN vpd_private.authority n ON n.id = g.granted_id AND n.kind = 'group'
)
SELECT g.holder_id,
       g.granted_id
  FROM above a
  JOIN vpd_private.authority_grant g ON g.holder_id = a.id AND g.valid_until > clock_timestamp()
  JOIN vpd_private.authority n ON n.id = g.granted_id AND n.kind = 'group';
