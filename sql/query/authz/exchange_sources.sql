-- Gives sources ($1) other precedences ($2): all of them are taken away before the first is written again, so that two can exchange theirs. One whose
-- precedence somebody else has is not written.
WITH wanted AS (
    SELECT w.name, w.precedence, s.description
      FROM unnest($1::text[], $2::integer[]) AS w (name, precedence)
      JOIN vpd_private.identity_source s ON s.name = w.name
), taken AS (
    DELETE FROM vpd_private.defined_source d
     USING wanted w
     WHERE d.name = w.name
    RETURNING d.name
)
INSERT INTO vpd_private.defined_source (name, precedence, description)
SELECT w.name, w.precedence, w.description
  FROM wanted w
 WHERE (SELECT count(*) FROM taken) >= 0
   AND NOT EXISTS (SELECT FROM vpd_private.identity_source s WHERE s.precedence = w.precedence AND s.name <> ALL ($1::text[]));
