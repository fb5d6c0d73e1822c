-- Takes unit ($3) or manager ($4) away from what a source ($2) tells of a user ($1); what rules read of him before is kept.
WITH written AS (
    UPDATE vpd_private.user_account u
       SET unit = CASE WHEN $3 THEN NULL ELSE u.unit END,
           manager_id = CASE WHEN $4 THEN NULL ELSE u.manager_id END
     WHERE u.user_id = $1
       AND u.source = $2
       AND (($3 AND u.unit IS NOT NULL) OR ($4 AND u.manager_id IS NOT NULL))
    RETURNING u.user_id
), kept AS (
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT d.user_id, d.document
      FROM written
      JOIN vpd_private.user_document d USING (user_id)
)
SELECT user_id FROM written;
