-- Sessions ($1), with those right above them that no token opens: these only say who acts, and end with the one that somebody has.
WITH RECURSIVE chain (id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT s.parent_id
      FROM chain
      JOIN vpd_private.session s ON s.id = chain.id
     WHERE s.parent_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM vpd_private.session_token t WHERE t.session_id = s.parent_id)
)
SELECT id FROM chain;
