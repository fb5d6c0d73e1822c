-- Which of some users belong to the unit of a rule, or to one below it. $1 rules, $2 users.
WITH RECURSIVE member AS MATERIALIZED (
    -- Where sources disagree the one with the lower precedence counts.
    SELECT w.id, believed.unit
      FROM unnest($2::integer[]) AS w (id)
     CROSS JOIN LATERAL (
           SELECT c.unit
             FROM vpd_private.user_account c
             JOIN vpd_private.identity_source s ON s.name = c.source
            WHERE c.user_id = w.id
              AND c.unit IS NOT NULL
            ORDER BY s.precedence
            LIMIT 1
       ) believed
), below (rule_id, unit) AS (
    SELECT r.id, r.unit
      FROM unnest($1::integer[]) AS w (id)
      JOIN vpd_private.sod_rule r ON r.id = w.id
     WHERE r.scope = 'unit'
    UNION
    SELECT b.rule_id, u.name
      FROM below b
      JOIN vpd_private.unit u ON u.parent = b.unit
)
SELECT b.rule_id, m.id
  FROM below b
  JOIN member m ON m.unit = b.unit;
