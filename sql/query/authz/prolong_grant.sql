UPDATE vpd_private.authority_grant
   SET valid_until = coalesce($4::timestamptz, 'infinity'),
       reason = coalesce($5, reason)
 WHERE holder_id = $1
   AND granted_id = $2
   AND valid_from = $3
   AND valid_until > clock_timestamp();
