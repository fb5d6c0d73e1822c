-- Times are microseconds since 2000; the largest stands for good, the smallest for ever.
UPDATE vpd_private.authority_grant g
   SET valid_until = CASE WHEN w.last = 9223372036854775807 THEN 'infinity'::timestamptz
                          ELSE '2000-01-01 00:00:00+00'::timestamptz + w.last * interval '1 microsecond' END,
       reason = coalesce(w.reason, g.reason)
  FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[]) AS w (holder_id, granted_id, first, last, reason)
 WHERE g.holder_id = w.holder_id
   AND g.granted_id = w.granted_id
   AND g.valid_from = CASE WHEN w.first = -9223372036854775808 THEN '-infinity'::timestamptz
                           ELSE '2000-01-01 00:00:00+00'::timestamptz + w.first * interval '1 microsecond' END
   AND g.valid_until > clock_timestamp();
