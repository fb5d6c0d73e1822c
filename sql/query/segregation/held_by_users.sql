-- What leads some users, or whatever holds something, to some nodes, now or by a grant that begins later, as a graph: a line for each node, without what is granted, which tells
-- whether it is a user, and whether it can be granted here; and a line for each grant. Grants that hang on a node without a line count for nothing.
-- $1 users and others, $2 and $3 a grant that does not exist: holder and what is granted, $4 whether this is the production environment, $5 the nodes.
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), below (role_id, id) AS (
    SELECT d.role_id, d.role_id
      FROM vpd_private.role_detail d
      JOIN vpd_private.authority a ON a.id = d.role_id AND a.dropped_at IS NULL AND a.is_enabled
     WHERE d.kind = 'parametric'
       AND (a.name NOT LIKE '%\_PREPROD' OR NOT $4)
    UNION
    SELECT b.role_id, g.granted_id
      FROM below b
     CROSS JOIN moment
      JOIN vpd_private.authority_grant g
        ON g.holder_id = b.id
       AND g.valid_until > moment.now
), parametric AS MATERIALIZED (
    -- Nobody's attributes are read for a role that leads nowhere.
    SELECT d.role_id, d.rule
      FROM (SELECT DISTINCT b.role_id FROM below b WHERE b.id IN (SELECT unnest($5::integer[]))) useful
      JOIN vpd_private.role_detail d ON d.role_id = useful.role_id
), told AS MATERIALIZED (
    SELECT d.user_id, d.document
      FROM unnest($1::integer[]) AS u (id)
     CROSS JOIN LATERAL (SELECT d.user_id, d.document FROM vpd_private.user_document d WHERE d.user_id = u.id LIMIT 1) d
     WHERE EXISTS (SELECT FROM parametric)
), matching AS MATERIALIZED (
    SELECT t.user_id, p.role_id
      FROM told t
      JOIN parametric p ON vpd_private.meets_rule(t.document, p.rule)
), start (id) AS (
    SELECT unnest($1::integer[])
    UNION
    SELECT m.role_id FROM matching m
    UNION
    SELECT $3::integer WHERE $3::integer IS NOT NULL
), held (holder_id, granted_id, valid_from, valid_until) AS (
    -- What several hold is looked at once.
    SELECT g.holder_id, g.granted_id, g.valid_from, g.valid_until
      FROM start s
     CROSS JOIN moment
      JOIN vpd_private.authority_grant g
        ON g.holder_id = s.id
       AND g.valid_until > moment.now
    UNION
    SELECT g.holder_id, g.granted_id, g.valid_from, g.valid_until
      FROM (SELECT DISTINCT h.granted_id FROM held h) h
     CROSS JOIN moment
      JOIN vpd_private.authority_grant g
        ON g.holder_id = h.granted_id
       AND g.valid_until > moment.now
), edge AS MATERIALIZED (
    SELECT h.holder_id, h.granted_id, h.valid_from, h.valid_until
      FROM held h
    UNION ALL
    SELECT m.user_id, m.role_id, '-infinity', 'infinity'
      FROM matching m
    UNION ALL
    SELECT $2::integer, $3::integer, '-infinity', 'infinity'
     WHERE $3::integer IS NOT NULL
), way (id) AS (
    SELECT unnest($5::integer[])
    UNION
    SELECT e.holder_id
      FROM way w
      JOIN edge e ON e.granted_id = w.id
)
SELECT a.id,
       NULL::integer,
       NULL::timestamptz,
       NULL::timestamptz,
       a.kind = 'user',
       a.kind <> 'role' OR CASE WHEN a.name LIKE '%\_PREPROD' THEN NOT $4 ELSE $4 OR d.kind IS DISTINCT FROM 'enterprise' END
  FROM way w
  JOIN vpd_private.authority a ON a.id = w.id AND a.dropped_at IS NULL AND a.is_enabled
  LEFT JOIN vpd_private.role_detail d ON d.role_id = a.id
UNION ALL
SELECT e.holder_id, e.granted_id, e.valid_from, e.valid_until, NULL, NULL
  FROM way w
  JOIN edge e ON e.granted_id = w.id;
