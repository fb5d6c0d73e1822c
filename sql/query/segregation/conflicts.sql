-- What is to be told of conflicts: the names, the exception that allows each, and whether it was accepted.
-- $1 rules, $2 users, $3 items as texts of arrays, $4 from when. The last column: which of them it is, from 1.
SELECT r.id,
       r.name,
       u.id,
       u.name,
       c.items::integer[],
       ARRAY(
           SELECT a.kind || ':' || a.name FROM vpd_private.authority a WHERE a.id = ANY (c.items::integer[]) ORDER BY a.kind, a.name
       ),
       c.since,
       e.id,
       e.expires_at,
       EXISTS (
           SELECT
             FROM vpd_private.sod_existing x
            WHERE x.rule_id = c.rule_id
              AND x.user_id = c.user_id
              AND c.items::integer[] <@ x.items
              AND (x.since = c.since OR greatest(x.since, c.since) <= clock_timestamp())
       ),
       c.place
  FROM unnest($1::integer[], $2::integer[], $3::text[], $4::timestamptz[]) WITH ORDINALITY AS c (rule_id, user_id, items, since, place)
  JOIN vpd_private.sod_rule r ON r.id = c.rule_id
  JOIN vpd_private.authority u ON u.id = c.user_id
  LEFT JOIN LATERAL (
       SELECT x.id, x.expires_at
         FROM vpd_private.sod_excuse x
        WHERE x.rule_id = c.rule_id
          AND x.user_name = u.name
          AND c.items::integer[] <@ x.items
          AND x.expires_at > greatest(clock_timestamp(), c.since)
        ORDER BY x.expires_at DESC
        LIMIT 1
       ) e ON true
 ORDER BY r.name, u.name, c.since;
