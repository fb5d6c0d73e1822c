-- The rules that what a session has been given, claims of the login included, breaks: name, items as texts, the end of an exception that allows it; and,
-- where it was accepted what the user holds, the rule, the user and the items. $1 user, $2 roles, $3 privileges. What is not in the graph is no item.
WITH RECURSIVE held (id) AS (
    SELECT a.id
      FROM vpd_private.authority a
     WHERE a.dropped_at IS NULL
       AND a.is_enabled
       AND ((a.kind = 'role' AND a.name = ANY ($2)) OR (a.kind = 'privilege' AND a.name = ANY ($3)))
    UNION
    -- Duties of the roles; what they lead to else stands in the lists already.
    SELECT g.granted_id
      FROM held h
      JOIN vpd_private.authority_grant g ON g.holder_id = h.id AND g.valid_from <= clock_timestamp() AND clock_timestamp() < g.valid_until
      JOIN vpd_private.authority a ON a.id = g.granted_id AND a.kind = 'duty' AND a.dropped_at IS NULL AND a.is_enabled
), subject AS MATERIALIZED (
    SELECT a.id,
           (
               SELECT c.unit
                 FROM vpd_private.user_account c
                 JOIN vpd_private.identity_source s ON s.name = c.source
                WHERE c.user_id = a.id
                  AND c.unit IS NOT NULL
                ORDER BY s.precedence
                LIMIT 1
           ) AS unit
      FROM vpd_private.authority a
     WHERE a.kind = 'user'
       AND a.name = $1
       AND a.dropped_at IS NULL
), above (unit) AS (
    SELECT s.unit FROM subject s WHERE s.unit IS NOT NULL
    UNION
    SELECT u.parent FROM above b JOIN vpd_private.unit u ON u.name = b.unit WHERE u.parent IS NOT NULL
), broken AS (
    SELECT r.id, r.name, array_agg(i.authority_id ORDER BY i.authority_id) AS items
      FROM vpd_private.sod_rule r
      JOIN vpd_private.sod_rule_item i ON i.rule_id = r.id
      JOIN held h ON h.id = i.authority_id
     WHERE r.scope = 'global'
        OR (r.scope = 'unit' AND r.unit IN (SELECT above.unit FROM above))
     GROUP BY r.id
    HAVING count(*) > r.at_most
)
SELECT b.name,
       ARRAY(SELECT a.kind || ':' || a.name FROM vpd_private.authority a WHERE a.id = ANY (b.items) ORDER BY a.kind, a.name),
       (
           SELECT max(e.expires_at)
             FROM vpd_private.sod_excuse e
            WHERE e.rule_id = b.id
              AND e.user_name = $1
              AND b.items <@ e.items
              AND e.expires_at > clock_timestamp()
       ),
       b.id,
       (
           SELECT x.user_id
             FROM vpd_private.sod_existing x
             JOIN subject ON subject.id = x.user_id
            WHERE x.rule_id = b.id
              AND b.items <@ x.items
              AND x.since <= clock_timestamp()
            LIMIT 1
       ),
       b.items
  FROM broken b
 ORDER BY b.name;
