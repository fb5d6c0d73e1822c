-- What users hold ($1), or what roles, duties, entitlements and groups do, as definitions, each with all times that hold or are to come.
SELECT jsonb_build_object(
           'holder', h.kind || ':' || h.name,
           'granted', n.kind || ':' || n.name,
           'times', jsonb_agg(jsonb_build_object(
               'valid_from', CASE WHEN g.valid_from > clock_timestamp() THEN to_char(g.valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
               'valid_until', CASE WHEN g.valid_until < 'infinity' THEN to_char(g.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
               'reason', g.reason,
               'seeded_by', g.seeded_by
           ))
       )
  FROM vpd_private.authority_grant g
  JOIN vpd_private.authority h ON h.id = g.holder_id AND h.dropped_at IS NULL AND (h.kind = 'user') = $1
  JOIN vpd_private.authority n ON n.id = g.granted_id AND n.dropped_at IS NULL
 WHERE g.valid_until > clock_timestamp()
 GROUP BY h.id, n.id
 ORDER BY h.kind || ':' || h.name COLLATE "C", n.kind || ':' || n.name COLLATE "C";
