-- What a user has at a moment, each with its shortest way through the graph as it stood then.
-- $1 user, $2 roles the login brings, $3 the moment, $4 whether this is the production environment.
WITH RECURSIVE node AS MATERIALIZED (
    -- What was switched on then: as the last change before tells, or else the opposite of the first one after.
    -- Only what was said while it was there counts: the name may have been another's before. What is granted as from an earlier day
    -- is told from that day on; what comes by a rule or a claim, from the day it was defined.
    SELECT a.id,
           a.kind,
           a.name,
           a.created_at <= $3 AS is_defined,
           coalesce(former.kind, r.kind) AS role_kind,
           CASE WHEN former.kind IS NULL THEN r.rule ELSE former.rule END AS rule
      FROM vpd_private.authority a
      LEFT JOIN vpd_private.role_detail r ON r.role_id = a.id
      LEFT JOIN LATERAL (
           SELECT h.kind, h.rule
             FROM vpd_private.role_history h
            WHERE h.role_id = a.id
              AND h.valid_until > $3
            ORDER BY h.valid_until
            LIMIT 1
       ) former ON true
      LEFT JOIN LATERAL (
           SELECT c.action = 'enable' AS is_enabled
             FROM vpd_private.authority_change c
            WHERE c.subject = a.kind || ':' || a.name
              AND c.action IN ('enable', 'disable')
              AND c.changed_at <= $3
              AND c.changed_at BETWEEN a.created_at AND coalesce(a.dropped_at, 'infinity')
            ORDER BY c.id DESC
            LIMIT 1
       ) before ON true
      LEFT JOIN LATERAL (
           SELECT c.action = 'disable' AS is_enabled
             FROM vpd_private.authority_change c
            WHERE c.subject = a.kind || ':' || a.name
              AND c.action IN ('enable', 'disable')
              AND c.changed_at > $3
              AND c.changed_at BETWEEN a.created_at AND coalesce(a.dropped_at, 'infinity')
            ORDER BY c.id
            LIMIT 1
       ) after ON true
     WHERE (a.kind <> 'user' OR a.name = $1)
       AND (a.dropped_at IS NULL OR a.dropped_at > $3)
       AND coalesce(before.is_enabled, after.is_enabled, a.is_enabled)
       AND (a.kind <> 'role' OR a.name NOT LIKE '%\_PREPROD' OR NOT $4)
), subject AS (
    SELECT n.id, n.is_defined FROM node n WHERE n.kind = 'user' AND n.name = $1
), attribute AS (
    -- What rules read of the user then: what ended first after the moment, or what is told now.
    SELECT coalesce(
               (SELECT h.document
                  FROM vpd_private.user_history h
                 WHERE h.user_id = subject.id
                   AND h.told_until > $3
                 ORDER BY h.told_until
                 LIMIT 1),
               (SELECT d.document FROM vpd_private.user_document d WHERE d.user_id = subject.id)
           ) AS document
      FROM subject
     WHERE subject.is_defined
), held (id, path, valid_from, valid_until) AS (
    (
        SELECT s.id, ARRAY[s.id], '-infinity'::timestamptz, 'infinity'::timestamptz FROM subject s
        UNION ALL
        SELECT n.id, ARRAY[n.id], '-infinity', 'infinity'
          FROM node n
         WHERE n.kind = 'role'
           AND n.role_kind = 'enterprise'
           AND n.name = ANY ($2)
           AND n.is_defined
        UNION ALL
        SELECT n.id, ARRAY[n.id], '-infinity', 'infinity'
          FROM node n
         CROSS JOIN attribute
         WHERE n.role_kind = 'parametric'
           AND n.is_defined
           AND jsonb_path_match(attribute.document, n.rule, '{}', true)
    )
    UNION ALL
    SELECT g.granted_id, h.path || g.granted_id, greatest(h.valid_from, g.valid_from), least(h.valid_until, g.valid_until)
      FROM held h
      JOIN vpd_private.authority_grant g
        ON g.holder_id = h.id
       AND g.valid_from <= $3
       AND $3 < g.valid_until
      JOIN node n ON n.id = g.granted_id
     WHERE g.granted_id <> ALL (h.path)
       AND (n.role_kind IS DISTINCT FROM 'enterprise' OR $4 OR n.name LIKE '%\_PREPROD')
), reached (kind, name, path, nodes, valid_from, valid_until) AS (
    SELECT n.kind,
           n.name,
           ARRAY(
               SELECT p.kind || ':' || p.name
                 FROM unnest(h.path) WITH ORDINALITY step (id, place)
                 JOIN vpd_private.authority p ON p.id = step.id
                ORDER BY step.place
           ),
           h.path,
           h.valid_from,
           h.valid_until
      FROM held h
      JOIN node n ON n.id = h.id
    UNION ALL
    -- What a data group filters by: the nodes of hierarchies, hierarchy/key.
    SELECT 'node',
           d.hierarchy || '/' || d.node,
           ARRAY(
               SELECT p.kind || ':' || p.name
                 FROM unnest(h.path) WITH ORDINALITY step (id, place)
                 JOIN vpd_private.authority p ON p.id = step.id
                ORDER BY step.place
           ) || ('node:' || d.hierarchy || '/' || d.node),
           h.path,
           greatest(h.valid_from, d.valid_from),
           least(h.valid_until, d.valid_until)
      FROM held h
      JOIN vpd_private.data_group_node d
        ON d.data_group_id = h.id
       AND d.valid_from <= $3
       AND $3 < d.valid_until
)
SELECT DISTINCT ON (r.kind, r.name)
       r.kind,
       r.name,
       r.path,
       count(*) OVER (PARTITION BY r.kind, r.name),
       r.valid_from,
       r.valid_until
  FROM reached r
 ORDER BY r.kind, r.name, cardinality(r.path), r.nodes;
