-- The groups that these groups belong to, now or later, and what those belong to. Each is looked up by its key: a whole file is joined with nothing.
WITH RECURSIVE above (id) AS (
    SELECT unnest($1::integer[])
    UNION
    SELECT g.granted_id
      FROM above a
     CROSS JOIN LATERAL (
           SELECT g.granted_id
             FROM vpd_private.authority_grant g
            WHERE g.holder_id = a.id
              AND g.valid_until > clock_timestamp()
              AND (SELECT n.kind FROM vpd_private.authority n WHERE n.id = g.granted_id) = 'group'
           OFFSET 0
       ) g
)
SELECT a.id,
       g.granted_id
  FROM above a
 CROSS JOIN LATERAL (
       SELECT g.granted_id
         FROM vpd_private.authority_grant g
        WHERE g.holder_id = a.id
          AND g.valid_until > clock_timestamp()
          AND (SELECT n.kind FROM vpd_private.authority n WHERE n.id = g.granted_id) = 'group'
       OFFSET 0
   ) g;
