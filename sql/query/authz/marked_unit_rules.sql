-- Rules of duties that somebody marked and that reach a unit ($1): those for it, and for the units above it.
WITH RECURSIVE above (name) AS (
    SELECT $1::text
    UNION
    SELECT u.parent FROM above JOIN vpd_private.unit u ON u.name = above.name WHERE u.parent IS NOT NULL
)
SELECT 'sod_rule:' || r.name,
       r.seeded_by,
       NULL::text
  FROM above
  JOIN vpd_private.sod_rule r ON r.unit = above.name
 WHERE r.scope = 'unit'
   AND r.seeded_by IS NOT NULL;
