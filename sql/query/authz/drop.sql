-- The grants of what is dropped end with it, and what goes by its name; those that have not begun go.
-- $1 what, $2 by whom, $3 as kind:name, $4 the name of a user.
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
), delegated AS (
    UPDATE vpd_private.delegation
       SET valid_from = least(valid_from, clock_timestamp()),
           valid_until = clock_timestamp(),
           revoked_by = $2
     WHERE (actor = $3 OR subject = $3)
       AND valid_until > clock_timestamp()
), excused AS (
    UPDATE vpd_private.sod_exception
       SET revoked_at = clock_timestamp(),
           revoked_by = $2
     WHERE user_name = $4
       AND revoked_at IS NULL
       AND expires_at > clock_timestamp()
), kept AS (
    -- What rules read of a user.
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT d.user_id, d.document
      FROM vpd_private.user_document d
     WHERE d.user_id = $1
)
UPDATE vpd_private.authority SET dropped_at = clock_timestamp() WHERE id = $1;
