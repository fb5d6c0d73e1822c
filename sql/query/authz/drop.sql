-- The grants of what is dropped end with it; those that have not begun go.
WITH begun AS (
    UPDATE vpd_private.authority_grant
       SET valid_until = clock_timestamp(),
           revoked_by = $2
     WHERE (holder_id = $1 OR granted_id = $1)
       AND valid_from < clock_timestamp()
       AND valid_until > clock_timestamp()
), planned AS (
    DELETE FROM vpd_private.authority_grant
     WHERE (holder_id = $1 OR granted_id = $1)
       AND valid_from >= clock_timestamp()
), kept AS (
    -- What rules read of a user.
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT d.user_id, d.document
      FROM vpd_private.user_document d
     WHERE d.user_id = $1
)
UPDATE vpd_private.authority SET dropped_at = clock_timestamp() WHERE id = $1;
