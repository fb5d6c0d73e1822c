-- Removes logins that have been over for so long that nobody waits to be told ($1), with all that came out of them. Passes over rows that somebody else holds.
-- Returns what it removed.
WITH RECURSIVE doomed (id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT s.id
      FROM doomed d
      JOIN vpd_private.session s ON s.parent_id = d.id
)
DELETE FROM vpd_private.session
 WHERE ctid = ANY (ARRAY(
       SELECT s.ctid
         FROM doomed d
         JOIN vpd_private.session s ON s.id = d.id
        ORDER BY s.id
          FOR UPDATE OF s SKIP LOCKED
   ))
RETURNING id;
