-- Who is above these users, and above those. Each is looked up by its key: a whole file is joined with nothing.
WITH RECURSIVE above (id) AS (
    SELECT unnest($1::integer[])
    UNION
    SELECT u.manager_id
      FROM above a
     CROSS JOIN LATERAL (
           SELECT u.manager_id FROM vpd_private.user_account u WHERE u.user_id = a.id AND u.manager_id IS NOT NULL OFFSET 0
       ) u
)
SELECT a.id,
       u.manager_id,
       u.source
  FROM above a
 CROSS JOIN LATERAL (
       SELECT u.manager_id, u.source FROM vpd_private.user_account u WHERE u.user_id = a.id AND u.manager_id IS NOT NULL OFFSET 0
   ) u;
