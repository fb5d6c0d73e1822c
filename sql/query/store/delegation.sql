-- The open delegations of an actor for a subject, each with its time as definitions tell it.
SELECT d.id,
       jsonb_build_object(
           'valid_from', CASE WHEN d.valid_from > clock_timestamp() THEN to_char(d.valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'valid_until', CASE WHEN d.valid_until < 'infinity' THEN to_char(d.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'reason', d.reason
       )
  FROM vpd_private.delegation d
 WHERE d.actor = $1
   AND d.subject IS NOT DISTINCT FROM $2
   AND d.with_full_authority = $3
   AND d.valid_until > clock_timestamp();
