-- The rule that one of some persons would break with an action on an object, and what he has done to it. $1 object, $2 privilege, $3 persons.
-- Whoever was erased may have been any of them.
WITH own AS MATERIALIZED (
    SELECT a.id
      FROM vpd_private.authority a
     WHERE a.kind = 'privilege'
       AND a.name = $2
       AND a.dropped_at IS NULL
), rule AS MATERIALIZED (
    SELECT r.id, r.name, r.at_most, i.authority_id AS own
      FROM vpd_private.sod_rule_item i
      JOIN vpd_private.sod_rule r ON r.id = i.rule_id AND r.scope = 'object'
     WHERE i.authority_id = (SELECT own.id FROM own)
)
SELECT r.name, done.actions
  FROM rule r
 CROSS JOIN unnest($3::text[]) person
 CROSS JOIN LATERAL (
       SELECT array_agg(DISTINCT a.name ORDER BY a.name) AS actions,
              array_agg(DISTINCT a.id) AS items
         FROM vpd_private.sod_rule_item o
         JOIN vpd_private.authority a ON a.id = o.authority_id AND a.name <> $2
         JOIN vpd_private.action_record x ON x.object = $1 AND x.action = a.name
        WHERE o.rule_id = r.id
          AND (
              person = ANY (x.persons)
              OR EXISTS (SELECT FROM vpd_private.pseudonym p WHERE p.pseudonym = ANY (x.persons) AND p.user_name IS NULL)
          )
       ) done
 WHERE cardinality(done.actions) >= r.at_most
   AND NOT EXISTS (
       SELECT
         FROM vpd_private.sod_excuse e
        WHERE e.rule_id = r.id
          AND e.user_name = person
          AND r.own || done.items <@ e.items
          AND e.expires_at > clock_timestamp()
   )
 ORDER BY r.name
 LIMIT 1;
