-- The rules that a change can concern: those with an item below one of some nodes, now or later, whatever is switched off.
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
)
SELECT r.id
  FROM below b
  JOIN vpd_private.sod_rule_item i ON i.authority_id = b.id
  JOIN vpd_private.sod_rule r ON r.id = i.rule_id AND r.scope <> 'object'
UNION
SELECT r.id FROM vpd_private.sod_rule r WHERE r.scope = 'unit' AND $3;
