UPDATE vpd_private.authority_grant
   SET valid_until = coalesce($3::timestamptz, 'infinity'),
       reason = coalesce($4, reason)
 WHERE holder_id = $1
   AND granted_id = $2
   AND valid_until > clock_timestamp();
