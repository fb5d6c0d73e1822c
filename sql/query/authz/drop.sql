-- The grants of what is dropped end with it, and what goes by its name; those that have not begun go.
-- $1 what, $2 by whom, $3 as kind:name, $4 the name of a user.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), begun AS (
    UPDATE vpd_private.authority_grant g
       SET valid_until = moment.now,
           revoked_by = $2
      FROM moment
     WHERE (g.holder_id = $1 OR g.granted_id = $1)
       AND g.valid_from < moment.now
       AND g.valid_until > moment.now
), planned AS (
    DELETE FROM vpd_private.authority_grant g
     USING moment
     WHERE (g.holder_id = $1 OR g.granted_id = $1)
       AND g.valid_from >= moment.now
), delegated AS (
    UPDATE vpd_private.delegation d
       SET valid_from = least(d.valid_from, moment.now),
           valid_until = moment.now,
           revoked_by = $2
      FROM moment
     WHERE (d.actor = $3 OR d.subject = $3)
       AND d.valid_until > moment.now
), excused AS (
    UPDATE vpd_private.sod_exception e
       SET revoked_at = moment.now,
           revoked_by = $2
      FROM moment
     WHERE e.user_name = $4
       AND e.revoked_at IS NULL
       AND e.expires_at > moment.now
), kept AS (
    -- What rules read of a user.
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT d.user_id, d.document
      FROM vpd_private.user_document d
     WHERE d.user_id = $1
)
UPDATE vpd_private.authority a SET dropped_at = moment.now FROM moment WHERE a.id = $1;
