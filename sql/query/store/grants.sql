-- What roles, duties, entitlements and groups hold; a grant that is repeated by several sources once.
SELECT jsonb_build_object(
           'holder', g.holder,
           'granted', g.granted,
           'valid_from', CASE WHEN g.valid_from > clock_timestamp() THEN to_char(g.valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'valid_until', CASE WHEN g.valid_until < 'infinity' THEN to_char(g.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'reason', g.reason,
           'seeded_by', g.seeded_by
       )
  FROM (
       SELECT DISTINCT ON (h.id, n.id)
              h.kind || ':' || h.name AS holder,
              n.kind || ':' || n.name AS granted,
              g.valid_from,
              g.valid_until,
              g.reason,
              g.seeded_by
         FROM vpd_private.authority_grant g
         JOIN vpd_private.authority h ON h.id = g.holder_id AND h.dropped_at IS NULL AND h.kind <> 'user'
         JOIN vpd_private.authority n ON n.id = g.granted_id AND n.dropped_at IS NULL
        WHERE g.valid_until > clock_timestamp()
        ORDER BY h.id, n.id, g.valid_from, g.id
       ) g
 ORDER BY g.holder COLLATE "C", g.granted COLLATE "C";
