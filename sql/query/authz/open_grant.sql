-- The grant that holds, or will: whether it is as it is asked for, whether it began as asked for, and who seeded it.
SELECT ($3::timestamptz IS NULL OR g.valid_from = $3) AND g.valid_until = coalesce($4::timestamptz, 'infinity'),
       ($3 IS NULL OR g.valid_from = $3) AND coalesce($4, 'infinity') > clock_timestamp(),
       g.seeded_by
  FROM vpd_private.authority_grant g
 WHERE g.holder_id = $1
   AND g.granted_id = $2
   AND g.valid_until > clock_timestamp()
 ORDER BY g.valid_from, g.id
 LIMIT 1;
