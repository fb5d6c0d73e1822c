-- Who may act for whom, as definitions, each with all times that hold or are to come.
SELECT jsonb_build_object(
           'actor', d.actor,
           'subject', d.subject,
           'with_full_authority', d.with_full_authority,
           'times', jsonb_agg(jsonb_build_object(
               'valid_from', CASE WHEN d.valid_from > clock_timestamp() THEN to_char(d.valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
               'valid_until', CASE WHEN d.valid_until < 'infinity' THEN to_char(d.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
               'reason', d.reason
           ))
       )
  FROM vpd_private.delegation d
 WHERE d.valid_until > clock_timestamp()
 GROUP BY d.actor, d.subject, d.with_full_authority
 ORDER BY d.actor COLLATE "C", d.subject COLLATE "C" NULLS FIRST, d.with_full_authority;
