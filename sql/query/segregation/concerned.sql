-- The rules that a change can concern: those with an item below one of some nodes, now or later, whatever is switched off. For each the items that are not
-- below them, and of how many of these, whichever they are, whoever breaks it has one; NULL when it is broken without them.
-- $1 the nodes, $2 whether what users have by their attributes changes, $3 whether their units do.
WITH RECURSIVE below (id) AS (
    (
        SELECT unnest($1::integer[])
        UNION
        SELECT d.role_id FROM vpd_private.role_detail d WHERE d.kind = 'parametric' AND $2
    )
    UNION
    SELECT g.granted_id
      FROM below b
      JOIN vpd_private.authority_grant g
        ON g.holder_id = b.id
       AND g.valid_until > clock_timestamp()
), concerned (id) AS (
    SELECT i.rule_id
      FROM below b
     CROSS JOIN LATERAL (SELECT i.rule_id FROM vpd_private.sod_rule_item i WHERE i.authority_id = b.id OFFSET 0) i
    UNION
    SELECT r.id FROM vpd_private.sod_rule r WHERE r.scope = 'unit' AND $3
)
SELECT r.id,
       array_agg(i.authority_id) FILTER (WHERE b.id IS NULL),
       CASE WHEN count(b.id) <= r.at_most THEN (count(*) - r.at_most)::integer END
  FROM concerned c
 CROSS JOIN LATERAL (SELECT r.id, r.at_most FROM vpd_private.sod_rule r WHERE r.id = c.id AND r.scope <> 'object' OFFSET 0) r
 CROSS JOIN LATERAL (SELECT i.authority_id FROM vpd_private.sod_rule_item i WHERE i.rule_id = r.id OFFSET 0) i
  LEFT JOIN below b ON b.id = i.authority_id
 GROUP BY r.id, r.at_most;
