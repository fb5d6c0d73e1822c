-- The part of the graph that a user has at a moment, as it stood then, in lines of two forms. A node, with its kind and name, and whether a way begins with it.
-- Without kind, what is granted: holder, what it holds, and the time of the grant; grants that hang on a node without a line count for nothing.
-- No way is walked here: there may be more of them than anybody can count.
-- $1 user, $2 roles the login brings, $3 the moment, $4 whether this is the production environment.
WITH RECURSIVE called AS MATERIALIZED (
    -- Whoever had the name then. What was dropped since is found by an index of its own.
    SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'user' AND a.name = $1 AND a.dropped_at IS NULL
    UNION ALL
    SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'user' AND a.name = $1 AND a.dropped_at IS NOT NULL AND a.dropped_at > $3
), claimed AS MATERIALIZED (
    SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'role' AND a.name = ANY ($2) AND a.dropped_at IS NULL
    UNION ALL
    SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'role' AND a.name = ANY ($2) AND a.dropped_at IS NOT NULL AND a.dropped_at > $3
), reached (id) AS (
    -- Whatever was switched on or off: what counts is looked up for what was reached, and for nothing else.
    (
        SELECT called.id FROM called
        UNION
        SELECT claimed.id FROM claimed
        UNION
        SELECT r.role_id FROM vpd_private.role_detail r WHERE r.kind = 'parametric'
        UNION
        SELECT h.role_id FROM vpd_private.role_history h WHERE h.kind = 'parametric' AND h.valid_until > $3
    )
    UNION
    SELECT g.granted_id
      FROM reached r
      JOIN vpd_private.authority_grant g
        ON g.holder_id = r.id
       AND g.valid_from <= $3
       AND $3 < g.valid_until
), node AS MATERIALIZED (
    -- What was switched on then: as the last change before tells, or else the opposite of the first one after.
    -- Only what was said while it was there counts: the name may have been another's before. What is granted as from an earlier day
    -- is told from that day on; what comes by a rule or a claim, from the day it was defined.
    SELECT a.id,
           a.kind,
           a.name,
           a.created_at <= $3 AS is_defined,
           coalesce(former.kind, d.kind) AS role_kind,
           CASE WHEN former.kind IS NULL THEN d.rule ELSE former.rule END AS rule
      FROM reached r
      JOIN vpd_private.authority a ON a.id = r.id
      LEFT JOIN vpd_private.role_detail d ON d.role_id = a.id
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
     WHERE (a.dropped_at IS NULL OR a.dropped_at > $3)
       AND coalesce(before.is_enabled, after.is_enabled, a.is_enabled)
       AND (a.kind <> 'role' OR a.name NOT LIKE '%\_PREPROD' OR NOT $4)
), attribute AS MATERIALIZED (
    -- What rules read of the user then: what ended first after the moment, or what is told now.
    SELECT coalesce(
               (SELECT h.document
                  FROM vpd_private.user_history h
                 WHERE h.user_id = n.id
                   AND h.told_until > $3
                 ORDER BY h.told_until
                 LIMIT 1),
               (SELECT d.document FROM vpd_private.user_document d WHERE d.user_id = n.id)
           ) AS document
      FROM node n
     WHERE n.kind = 'user'
       AND n.is_defined
)
SELECT n.id,
       n.kind,
       n.name,
       NULL::integer,
       NULL::timestamptz,
       NULL::timestamptz,
       n.kind = 'user'
       OR (n.role_kind = 'enterprise' AND n.is_defined AND n.name = ANY ($2))
       OR (n.role_kind = 'parametric' AND n.is_defined
           AND EXISTS (SELECT FROM attribute WHERE vpd_private.meets_rule(attribute.document, n.rule))),
       n.role_kind IS DISTINCT FROM 'enterprise' OR $4 OR n.name LIKE '%\_PREPROD'
  FROM node n
UNION ALL
SELECT r.id, NULL, NULL, g.granted_id, g.valid_from, g.valid_until, NULL, NULL
  FROM reached r
  JOIN vpd_private.authority_grant g
    ON g.holder_id = r.id
   AND g.valid_from <= $3
   AND $3 < g.valid_until
UNION ALL
-- What a data group filters by: the nodes of hierarchies, hierarchy/key.
SELECT r.id, NULL, d.hierarchy || '/' || d.node, NULL, d.valid_from, d.valid_until, NULL, NULL
  FROM reached r
  JOIN vpd_private.data_group_node d
    ON d.data_group_id = r.id
   AND d.valid_from <= $3
   AND $3 < d.valid_until;
