SELECT g.holder_id,
       g.granted_id,
       g.valid_from,
       g.valid_until,
       g.seeded_by,
       (SELECT a.seeded_by FROM vpd_private.authority a WHERE a.id = g.granted_id)
  FROM unnest($1::integer[], $2::integer[]) AS w (holder_id, granted_id)
  JOIN vpd_private.authority_grant g ON g.holder_id = w.holder_id AND g.granted_id = w.granted_id
 WHERE g.valid_until > clock_timestamp()
 ORDER BY g.valid_from, g.id;
