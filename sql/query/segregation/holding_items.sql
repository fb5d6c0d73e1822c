-- Whoever has one of some nodes, now or by a grant that begins later, and the way to it, as a graph: the lines are those of held_by_users.sql.
-- $1 the nodes, $2 whether this is the production environment.
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), edge (holder_id, granted_id, valid_from, valid_until) AS (
    -- What holds several is looked at once.
    SELECT g.holder_id, g.granted_id, g.valid_from, g.valid_until
      FROM unnest($1::integer[]) AS i (id)
     CROSS JOIN moment
      JOIN vpd_private.authority_grant g
        ON g.granted_id = i.id
       AND g.valid_until > moment.now
    UNION
    SELECT g.holder_id, g.granted_id, g.valid_from, g.valid_until
      FROM (SELECT DISTINCT e.holder_id FROM edge e) e
     CROSS JOIN moment
      JOIN vpd_private.authority_grant g
        ON g.granted_id = e.holder_id
       AND g.valid_until > moment.now
), above (id) AS MATERIALIZED (
    SELECT unnest($1::integer[])
    UNION
    SELECT e.holder_id FROM edge e
), parametric AS MATERIALIZED (
    SELECT d.role_id, d.rule
      FROM above
      JOIN vpd_private.role_detail d ON d.role_id = above.id AND d.kind = 'parametric'
      JOIN vpd_private.authority a ON a.id = d.role_id AND a.dropped_at IS NULL AND a.is_enabled
     WHERE a.name NOT LIKE '%\_PREPROD'
        OR NOT $2
), told AS MATERIALIZED (
    SELECT d.user_id, d.document
      FROM vpd_private.user_document d
     WHERE EXISTS (SELECT FROM parametric)
), matching AS MATERIALIZED (
    SELECT t.user_id, p.role_id
      FROM told t
      JOIN parametric p ON vpd_private.meets_rule(t.document, p.rule)
), node (id) AS (
    SELECT above.id FROM above
    UNION
    SELECT m.user_id FROM matching m
)
SELECT a.id,
       NULL::integer,
       NULL::timestamptz,
       NULL::timestamptz,
       a.kind = 'user',
       a.kind <> 'role' OR CASE WHEN a.name LIKE '%\_PREPROD' THEN NOT $2 ELSE $2 OR d.kind IS DISTINCT FROM 'enterprise' END
  FROM node n
  JOIN vpd_private.authority a ON a.id = n.id AND a.dropped_at IS NULL AND a.is_enabled
  LEFT JOIN vpd_private.role_detail d ON d.role_id = a.id
UNION ALL
SELECT e.holder_id, e.granted_id, e.valid_from, e.valid_until, NULL, NULL
  FROM edge e
UNION ALL
SELECT m.user_id, m.role_id, '-infinity', 'infinity', NULL, NULL
  FROM matching m;
