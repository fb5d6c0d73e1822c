-- The part of the graph that a user has at a moment, as it stood then: each step from a holder to what is granted to it; without a holder what a way begins with.
-- No way is walked here: there may be more of them than anybody can count.
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
), start (id) AS MATERIALIZED (
    SELECT s.id FROM subject s
    UNION
    SELECT n.id
      FROM node n
     WHERE n.kind = 'role'
       AND n.role_kind = 'enterprise'
       AND n.name = ANY ($2)
       AND n.is_defined
    UNION
    SELECT n.id
      FROM node n
     CROSS JOIN attribute
     WHERE n.role_kind = 'parametric'
       AND n.is_defined
       AND jsonb_path_match(attribute.document, n.rule, '{}', true)
), held (id) AS (
    SELECT start.id FROM start
    UNION
    SELECT g.granted_id
      FROM held h
      JOIN vpd_private.authority_grant g
        ON g.holder_id = h.id
       AND g.valid_from <= $3
       AND $3 < g.valid_until
      JOIN node n ON n.id = g.granted_id
     WHERE n.role_kind IS DISTINCT FROM 'enterprise' OR $4 OR n.name LIKE '%\_PREPROD'
)
SELECT NULL AS holder, n.kind, n.name, '-infinity'::timestamptz, 'infinity'::timestamptz
  FROM start
  JOIN node n ON n.id = start.id
UNION ALL
SELECT p.kind || ':' || p.name, n.kind, n.name, g.valid_from, g.valid_until
  FROM held h
  JOIN node p ON p.id = h.id
  JOIN vpd_private.authority_grant g
    ON g.holder_id = h.id
   AND g.valid_from <= $3
   AND $3 < g.valid_until
  JOIN node n ON n.id = g.granted_id
 WHERE n.role_kind IS DISTINCT FROM 'enterprise' OR $4 OR n.name LIKE '%\_PREPROD'
UNION ALL
-- What a data group filters by: the nodes of hierarchies, hierarchy/key.
SELECT p.kind || ':' || p.name, 'node', d.hierarchy || '/' || d.node, d.valid_from, d.valid_until
  FROM held h
  JOIN node p ON p.id = h.id
  JOIN vpd_private.data_group_node d
    ON d.data_group_id = h.id
   AND d.valid_from <= $3
   AND $3 < d.valid_until
 ORDER BY 2, 3, 1 NULLS FIRST;
