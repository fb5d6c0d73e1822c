-- Who holds more than a rule of the scope global or unit allows, now or by a grant that begins later; one line for each moment at which the number
-- held becomes too large or another.
-- $1 users (NULL: all), $2 and $3 a grant that does not exist: holder and what is granted, $4 whether this is the production environment, $5 a rule (NULL: all).
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), item AS MATERIALIZED (
    SELECT r.id AS rule_id, a.id AS node_id
      FROM vpd_private.sod_rule r
      JOIN vpd_private.sod_rule_item i ON i.rule_id = r.id
      JOIN vpd_private.authority a ON a.id = i.authority_id AND a.dropped_at IS NULL AND a.is_enabled
     WHERE r.scope <> 'object'
       AND ($5::integer IS NULL OR r.id = $5)
), relevant (id) AS (
    -- Everything that leads to an item: the rest of the graph need not be walked.
    SELECT node_id FROM item
    UNION
    SELECT e.holder_id
      FROM relevant r
     CROSS JOIN moment
     CROSS JOIN LATERAL (
           SELECT g.holder_id
             FROM vpd_private.authority_grant g
            WHERE g.granted_id = r.id
              AND g.valid_until > moment.now
           UNION ALL
           SELECT $2::integer WHERE $3::integer = r.id
           ) e
), parametric AS MATERIALIZED (
    SELECT d.role_id, d.rule
      FROM vpd_private.role_detail d
      JOIN relevant ON relevant.id = d.role_id
      JOIN vpd_private.authority a ON a.id = d.role_id AND a.dropped_at IS NULL AND a.is_enabled
     WHERE d.kind = 'parametric'
       AND (a.name NOT LIKE '%\_PREPROD' OR NOT $4)
), matching AS MATERIALIZED (
    -- Where sources disagree the one with the lower precedence counts.
    SELECT u.user_id, p.role_id
      FROM (
           SELECT a.id AS user_id,
                  coalesce((
                      SELECT jsonb_object_agg(e.key, e.value)
                        FROM (
                             SELECT DISTINCT ON (x.key) x.key, x.value
                               FROM vpd_private.user_account c
                               JOIN vpd_private.identity_source s ON s.name = c.source
                              CROSS JOIN jsonb_each(c.attributes) x
                              WHERE c.user_id = a.id
                              ORDER BY x.key, s.precedence
                             ) e
                  ), '{}') || jsonb_build_object('user_name', a.name, 'unit', (
                      SELECT c.unit
                        FROM vpd_private.user_account c
                        JOIN vpd_private.identity_source s ON s.name = c.source
                       WHERE c.user_id = a.id
                         AND c.unit IS NOT NULL
                       ORDER BY s.precedence
                       LIMIT 1
                  )) AS document
             FROM vpd_private.authority a
            WHERE a.kind = 'user'
              AND a.dropped_at IS NULL
              AND a.is_enabled
              AND ($1::integer[] IS NULL OR a.id = ANY ($1))
              AND EXISTS (SELECT FROM parametric)
           ) u
      JOIN parametric p ON jsonb_path_match(u.document, p.rule, '{}', true)
), holding (user_id, node_id, valid_from, valid_until) AS (
    (
        SELECT a.id, a.id, moment.now, 'infinity'::timestamptz
          FROM vpd_private.authority a
          JOIN relevant ON relevant.id = a.id
         CROSS JOIN moment
         WHERE a.kind = 'user'
           AND a.dropped_at IS NULL
           AND a.is_enabled
           AND ($1::integer[] IS NULL OR a.id = ANY ($1))
        UNION
        SELECT m.user_id, m.role_id, moment.now, 'infinity'
          FROM matching m
         CROSS JOIN moment
    )
    UNION
    -- What is held through a path is held while all of its grants are valid.
    SELECT h.user_id, e.granted_id, greatest(h.valid_from, e.valid_from), least(h.valid_until, e.valid_until)
      FROM holding h
     CROSS JOIN LATERAL (
           SELECT g.granted_id, g.valid_from, g.valid_until
             FROM vpd_private.authority_grant g
            WHERE g.holder_id = h.node_id
              AND g.valid_from < h.valid_until
              AND g.valid_until > h.valid_from
           UNION ALL
           SELECT $3, '-infinity', 'infinity' WHERE $2 = h.node_id
           ) e
      JOIN relevant ON relevant.id = e.granted_id
      JOIN vpd_private.authority a ON a.id = e.granted_id AND a.dropped_at IS NULL AND a.is_enabled
      LEFT JOIN vpd_private.role_detail d ON d.role_id = a.id
     WHERE a.kind <> 'role'
        OR CASE WHEN a.name LIKE '%\_PREPROD' THEN NOT $4 ELSE $4 OR d.kind IS DISTINCT FROM 'enterprise' END
), below (rule_id, unit) AS (
    SELECT r.id, r.unit FROM vpd_private.sod_rule r WHERE r.scope = 'unit'
    UNION
    SELECT b.rule_id, u.name FROM below b JOIN vpd_private.unit u ON u.parent = b.unit
), held AS MATERIALIZED (
    SELECT h.user_id, i.rule_id, i.node_id, h.valid_from, h.valid_until
      FROM holding h
      JOIN item i ON i.node_id = h.node_id
      JOIN vpd_private.sod_rule r ON r.id = i.rule_id
     WHERE r.scope = 'global'
        OR EXISTS (
           SELECT
             FROM below b
            WHERE b.rule_id = r.id
              AND b.unit = (
                  SELECT c.unit
                    FROM vpd_private.user_account c
                    JOIN vpd_private.identity_source s ON s.name = c.source
                   WHERE c.user_id = h.user_id
                     AND c.unit IS NOT NULL
                   ORDER BY s.precedence
                   LIMIT 1
                  )
           )
), conflict AS (
    -- The number held can only become too large when a holding begins.
    SELECT s.user_id,
           s.rule_id,
           s.valid_from AS since,
           s.items
      FROM (
           SELECT m.user_id, m.rule_id, m.valid_from, array_agg(DISTINCT o.node_id ORDER BY o.node_id) AS items
             FROM held m
             JOIN held o
               ON o.user_id = m.user_id
              AND o.rule_id = m.rule_id
              AND o.valid_from <= m.valid_from
              AND m.valid_from < o.valid_until
            GROUP BY m.user_id, m.rule_id, m.valid_from
           ) s
      JOIN vpd_private.sod_rule r ON r.id = s.rule_id
     WHERE cardinality(s.items) > r.at_most
)
SELECT r.id,
       r.name,
       u.id,
       u.name,
       c.items,
       ARRAY(SELECT a.kind || ':' || a.name FROM vpd_private.authority a WHERE a.id = ANY (c.items) ORDER BY a.kind, a.name),
       c.since,
       e.id,
       e.expires_at,
       EXISTS (
           SELECT FROM vpd_private.sod_existing x WHERE x.rule_id = c.rule_id AND x.user_id = c.user_id AND c.items <@ x.items
       )
  FROM conflict c
 CROSS JOIN moment
  JOIN vpd_private.sod_rule r ON r.id = c.rule_id
  JOIN vpd_private.authority u ON u.id = c.user_id
  LEFT JOIN LATERAL (
       SELECT x.id, x.expires_at
         FROM vpd_private.sod_exception x
        WHERE x.rule_id = c.rule_id
          AND x.user_name = u.name
          AND x.approved_at IS NOT NULL
          AND x.revoked_at IS NULL
          AND x.expires_at > greatest(moment.now, c.since)
        ORDER BY x.expires_at DESC
        LIMIT 1
       ) e ON true
 ORDER BY r.name, u.name, c.since;
