-- No row when another source has the precedence.
WITH written AS (
    INSERT INTO vpd_private.defined_source (name, precedence, description)
    SELECT $1, $2, coalesce($3, (SELECT s.description FROM vpd_private.identity_source s WHERE s.name = $1))
     WHERE NOT EXISTS (SELECT FROM vpd_private.identity_source s WHERE s.precedence = $2 AND s.name <> $1)
        ON CONFLICT (name) DO UPDATE
       SET precedence = excluded.precedence,
           description = excluded.description
    RETURNING name, precedence
), kept AS (
    -- What rules read before of users whom another source is believed of now.
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT d.user_id, d.document
      FROM written w
      JOIN vpd_private.identity_source s ON s.name = w.name AND s.precedence <> w.precedence
      JOIN vpd_private.user_account u ON u.source = s.name
      JOIN vpd_private.user_document d ON d.user_id = u.user_id
     WHERE EXISTS (SELECT FROM vpd_private.user_account o WHERE o.user_id = u.user_id AND o.source <> u.source)
)
SELECT true FROM written;
