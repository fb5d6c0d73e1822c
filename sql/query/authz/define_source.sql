-- No row when another source has the precedence.
INSERT INTO vpd_private.identity_source (name, precedence, description)
SELECT $1, $2, $3
 WHERE NOT EXISTS (SELECT FROM vpd_private.identity_source s WHERE s.precedence = $2 AND s.name <> $1)
    ON CONFLICT (name) DO UPDATE
   SET precedence = excluded.precedence,
       description = coalesce(excluded.description, identity_source.description)
RETURNING true;
