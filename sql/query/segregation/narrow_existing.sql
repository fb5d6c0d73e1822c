-- What was accepted is narrowed to what is still held, and goes when that is no conflict. $1 the users and $5 the rules looked at (one of them NULL: all);
-- the conflicts that stand: $2 rules, $3 users, $4 items as texts of arrays, $6 from when.
WITH looked_at AS (
    SELECT x.rule_id, x.user_id, x.items, x.since
      FROM unnest($5::integer[]) AS r (id)
      JOIN vpd_private.sod_existing x ON x.rule_id = r.id
     WHERE $1::integer[] IS NULL
    UNION ALL
    SELECT x.rule_id, x.user_id, x.items, x.since
      FROM unnest($1::integer[]) AS u (id)
      JOIN vpd_private.sod_existing x ON x.user_id = u.id
     WHERE $5::integer[] IS NULL OR x.rule_id IN (SELECT unnest($5))
), narrowed AS (
    SELECT DISTINCT x.rule_id, x.user_id, held.items, x.since
      FROM looked_at x
      JOIN unnest($2::integer[], $3::integer[], $4::text[], $6::timestamptz[]) AS s (rule_id, user_id, items, since)
        ON s.rule_id = x.rule_id
       AND s.user_id = x.user_id
       AND (s.since = x.since OR greatest(s.since, x.since) <= clock_timestamp())
      JOIN vpd_private.sod_rule r ON r.id = x.rule_id
     CROSS JOIN LATERAL (
           SELECT array_agg(i.item ORDER BY i.item) AS items FROM unnest(x.items) AS i (item) WHERE i.item = ANY (s.items::integer[])
          ) held
     WHERE cardinality(held.items) > r.at_most
), gone AS (
    DELETE FROM vpd_private.sod_existing x
     USING looked_at l
     WHERE (x.rule_id, x.user_id, x.items, x.since) = (l.rule_id, l.user_id, l.items, l.since)
       AND (x.rule_id, x.user_id, x.items, x.since) NOT IN (SELECT n.rule_id, n.user_id, n.items, n.since FROM narrowed n)
)
INSERT INTO vpd_private.sod_existing (rule_id, user_id, items, since)
SELECT n.rule_id, n.user_id, n.items, n.since FROM narrowed n
    ON CONFLICT DO NOTHING;
