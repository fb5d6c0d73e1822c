-- Takes away what a source ($2) tells of a user ($1) of whom another tells as well; what rules read of him before is kept. A row when it was there.
WITH forgotten AS (
    DELETE FROM vpd_private.user_account u
     WHERE u.user_id = $1
       AND u.source = $2
       AND EXISTS (SELECT FROM vpd_private.user_account o WHERE o.user_id = u.user_id AND o.source <> u.source)
    RETURNING u.user_id
), kept AS (
    -- Reads what was there before this statement.
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT d.user_id, d.document
      FROM forgotten
      JOIN vpd_private.user_document d USING (user_id)
)
SELECT user_id FROM forgotten;
