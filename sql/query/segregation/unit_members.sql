-- Who belongs to the unit of a rule, or to one below it. $1 rules (NULL: all), $2 users (NULL: all).
WITH RECURSIVE below (rule_id, unit) AS (
    SELECT r.id, r.unit
      FROM vpd_private.sod_rule r
     WHERE r.scope = 'unit'
       AND ($1::integer[] IS NULL OR r.id = ANY ($1))
    UNION
    SELECT b.rule_id, u.name FROM below b JOIN vpd_private.unit u ON u.parent = b.unit
), believed AS (
    -- Where sources disagree the one with the lower precedence counts.
    SELECT DISTINCT ON (c.user_id) c.user_id, c.unit
      FROM vpd_private.user_account c
      JOIN vpd_private.identity_source s ON s.name = c.source
     WHERE c.unit IS NOT NULL
       AND ($2::integer[] IS NULL OR c.user_id = ANY ($2))
     ORDER BY c.user_id, s.precedence
)
SELECT b.rule_id, u.user_id FROM below b JOIN believed u ON u.unit = b.unit;
