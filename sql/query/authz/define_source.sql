-- No row when another source has the precedence.
INSERT INTO vpd_private.defined_source (name, precedence, description)
SELECT $1, $2, coalesce($3, (SELECT s.description FROM vpd_private.identity_source s WHERE s.name = $1))
 WHERE NOT EXISTS (SELECT FROM vpd_private.identity_source s WHERE s.precedence = $2 AND s.name <> $1)
    ON CONFLICT (name) DO UPDATE
   SET precedence = excluded.precedence,
       description = excluded.description
RETURNING true;
