-- Takes unit or manager away from what a source tells of a user; what rules read of him before is kept.
WITH written AS (
    UPDATE vpd_private.user_account u
       SET unit = CASE WHEN $3 THEN NULL ELSE u.unit END,
           manager_id = CASE WHEN $4 THEN NULL ELSE u.manager_id END
      FROM vpd_private.authority a
     WHERE a.kind = 'user'
       AND a.name = $1
       AND a.dropped_at IS NULL
       AND u.user_id = a.id
       AND u.source = $2
    RETURNING u.user_id
)
INSERT INTO vpd_private.user_history (user_id, document)
SELECT d.user_id, d.document
  FROM written
  JOIN vpd_private.user_document d USING (user_id);
