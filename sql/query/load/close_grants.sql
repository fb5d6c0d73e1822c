-- Ends what holds and removes what has not begun.
WITH begun AS (
    UPDATE vpd_private.authority_grant g
       SET valid_until = clock_timestamp(),
           revoked_by = $3
      FROM unnest($1::integer[], $2::integer[]) AS w (holder_id, granted_id)
     WHERE g.holder_id = w.holder_id
       AND g.granted_id = w.granted_id
       AND g.valid_from < clock_timestamp()
       AND g.valid_until > clock_timestamp()
)
DELETE FROM vpd_private.authority_grant g
 USING unnest($1::integer[], $2::integer[]) AS w (holder_id, granted_id)
 WHERE g.holder_id = w.holder_id
   AND g.granted_id = w.granted_id
   AND g.valid_from >= clock_timestamp();
