UPDATE vpd_private.authority_grant g
   SET valid_until = w.valid_until,
       reason = coalesce(w.reason, g.reason)
  FROM unnest($1::integer[], $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::text[]) AS w (holder_id, granted_id, valid_from, valid_until, reason)
 WHERE g.holder_id = w.holder_id
   AND g.granted_id = w.granted_id
   AND g.valid_from = w.valid_from
   AND g.valid_until > clock_timestamp();
