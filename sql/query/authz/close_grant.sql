-- Ends what holds and removes what has not begun.
WITH begun AS (
    UPDATE vpd_private.authority_grant
       SET valid_until = clock_timestamp(),
           revoked_by = $3
     WHERE holder_id = $1
       AND granted_id = $2
       AND valid_from < clock_timestamp()
       AND valid_until > clock_timestamp()
)
DELETE FROM vpd_private.authority_grant
 WHERE holder_id = $1
   AND granted_id = $2
   AND valid_from >= clock_timestamp();
