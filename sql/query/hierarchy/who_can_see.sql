-- Who sees a node, as a graph of the data groups that have it, or one above it, and of whoever holds these groups, now. Lines by their first column:
--   data_group: the group, and the node of it
--   node: what holds a group, itself or by others: its name and kind, and whether it counts when it is granted, or what a login or a rule gives
--   grant: the holder, and what it holds
--   rule, session: a role, and the name of a user who has it by the rule of a parametric role, or by the login of a live session
--   claim: a role that a login can bring
-- No way is walked here: there may be more of them than anybody can count. $1 hierarchy, $2 node, $3 whether this is the production environment.
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), up (key, parent) AS (
    SELECT n.key, n.parent
      FROM vpd_private.hierarchy_node n
     WHERE n.hierarchy = $1
       AND n.key = $2
     UNION
    SELECT n.key, n.parent
      FROM up
      JOIN vpd_private.hierarchy_node n ON n.hierarchy = $1 AND n.key = up.parent
), listed AS MATERIALIZED (
    SELECT g.data_group_id, g.node
      FROM up
     CROSS JOIN moment
     CROSS JOIN LATERAL (
           SELECT g.data_group_id, g.node
             FROM vpd_private.data_group_node g
            WHERE g.hierarchy = $1
              AND g.node = up.key
              AND g.valid_from <= moment.now
              AND moment.now < g.valid_until
           OFFSET 0
          ) g
), above (id) AS (
    SELECT l.data_group_id FROM listed l
     UNION
    SELECT e.holder_id
      FROM above
     CROSS JOIN moment
      JOIN vpd_private.authority_grant e
        ON e.granted_id = above.id
       AND e.valid_from <= moment.now
       AND moment.now < e.valid_until
), node AS MATERIALIZED (
    SELECT a.id, a.kind, r.kind AS role_kind, r.rule, a.name, a.name LIKE '%\_PREPROD' AS is_elsewhere
      FROM above
      JOIN vpd_private.authority a ON a.id = above.id AND a.dropped_at IS NULL AND a.is_enabled
      LEFT JOIN vpd_private.role_detail r ON r.role_id = a.id
), parametric AS MATERIALIZED (
    SELECT n.id, n.rule FROM node n WHERE n.role_kind = 'parametric' AND NOT (n.is_elsewhere AND $3)
), told AS MATERIALIZED (
    SELECT u.name, d.document
      FROM vpd_private.user_document d
      JOIN vpd_private.authority u ON u.id = d.user_id AND u.is_enabled
     WHERE EXISTS (SELECT FROM parametric)
), claimable AS MATERIALIZED (
    -- The roles that a login can bring here; outside production it names them with the suffix.
    SELECT n.id, n.name || CASE WHEN $3 THEN '' ELSE '_PREPROD' END AS claim
      FROM node n
     WHERE n.role_kind = 'enterprise'
       AND NOT (n.is_elsewhere AND $3)
), claimed AS MATERIALIZED (
    SELECT DISTINCT s.user_name, c.claim
      FROM vpd_private.session s
      JOIN vpd_private.session_clock o ON o.id = s.id AND o.is_open
     CROSS JOIN moment
     CROSS JOIN unnest(s.roles) AS c (claim)
     WHERE s.ended_at IS NULL
       AND moment.now < o.idle_expires_at
       AND EXISTS (SELECT FROM claimable)
       AND s.roles && ARRAY(SELECT claimable.claim FROM claimable)
)
SELECT 'data_group', l.data_group_id, NULL::integer, l.node, NULL, NULL::boolean
  FROM listed l
UNION ALL
SELECT 'node',
       n.id,
       NULL,
       n.name,
       n.kind,
       n.kind <> 'role' OR CASE WHEN n.is_elsewhere THEN NOT $3 ELSE $3 OR n.role_kind <> 'enterprise' END
  FROM node n
UNION ALL
SELECT 'grant', e.holder_id, e.granted_id, NULL, NULL, NULL
  FROM above
 CROSS JOIN moment
  JOIN vpd_private.authority_grant e
    ON e.granted_id = above.id
   AND e.valid_from <= moment.now
   AND moment.now < e.valid_until
UNION ALL
SELECT 'rule', p.id, NULL, t.name, NULL, NULL
  FROM told t
  JOIN parametric p ON vpd_private.meets_rule(t.document, p.rule)
UNION ALL
SELECT 'session', c.id, NULL, s.user_name, NULL, NULL
  FROM claimable c
  JOIN claimed s ON s.claim = c.claim
UNION ALL
SELECT 'claim', c.id, NULL, NULL, NULL, NULL
  FROM claimable c;
