-- What is not said stays as it is; what rules read of the user before is kept. A row when something changed.
WITH written AS (
    INSERT INTO vpd_private.user_account (user_id, source, display_name, attributes, unit, manager_id, is_test)
    VALUES ($1, $2, $3, coalesce($4::jsonb, '{}'), $5, $6, $7)
        ON CONFLICT (user_id, source) DO UPDATE
       SET display_name = coalesce(excluded.display_name, user_account.display_name),
           attributes = coalesce($4, user_account.attributes),
           unit = coalesce(excluded.unit, user_account.unit),
           manager_id = coalesce(excluded.manager_id, user_account.manager_id),
           is_test = excluded.is_test
     WHERE (user_account.display_name, user_account.attributes, user_account.unit, user_account.manager_id, user_account.is_test)
           IS DISTINCT FROM
           (coalesce(excluded.display_name, user_account.display_name), coalesce($4, user_account.attributes),
            coalesce(excluded.unit, user_account.unit), coalesce(excluded.manager_id, user_account.manager_id), excluded.is_test)
    RETURNING user_id
), kept AS (
    -- Reads what was there before this statement.
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT d.user_id, d.document
      FROM written w
      JOIN vpd_private.user_document d USING (user_id)
     WHERE EXISTS (SELECT FROM vpd_private.user_account u WHERE u.user_id = w.user_id)
)
SELECT user_id FROM written;
