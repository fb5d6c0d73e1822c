-- Says whom what is granted from $4, or by now, belongs to.
UPDATE vpd_private.authority_grant
   SET seeded_by = $3
 WHERE holder_id = $1
   AND granted_id = $2
   AND valid_until > clock_timestamp()
   AND (valid_from = $4 OR ($4::timestamptz IS NULL AND valid_from <= clock_timestamp()));
