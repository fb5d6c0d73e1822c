-- Who is above these users, and above those.
WITH RECURSIVE above (id) AS (
    SELECT unnest($1::integer[])
    UNION
    SELECT u.manager_id
      FROM above a
      JOIN vpd_private.user_account u ON u.user_id = a.id
     WHERE u.manager_id IS NOT NULL
)
SELECT u.user_id,
       u.manager_id,
       u.source
  FROM above a
  JOIN vpd_private.user_account u ON u.user_id = a.id
 WHERE u.manager_id IS NOT NULL;
