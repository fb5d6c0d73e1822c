SELECT g.holder_id,
       g.granted_id,
       g.valid_from,
       g.valid_until,
       g.seeded_by,
       (SELECT a.seeded_by FROM vpd_private.authority a WHERE a.id = g.granted_id)
  FROM vpd_private.authority_grant g
 WHERE g.granted_id = $1
   AND g.valid_until > clock_timestamp()
 ORDER BY g.valid_from, g.id;
