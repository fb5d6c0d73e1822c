-- What a subject has now: until when that holds, roles, privileges, data groups, direct reports, whether it is a user who was switched off, groups.
-- $1 user, $2 roles the login brought, $3 privileges the login brought, $4 roles to begin with, $5 whether
--  this is the production environment, $6 groups the login brought.
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT clock_timestamp() AS at
), subject AS MATERIALIZED (
    SELECT a.id
      FROM vpd_private.authority a
     WHERE a.kind = 'user'
       AND a.name = $1
       AND a.dropped_at IS NULL
       AND a.is_enabled
), attribute AS MATERIALIZED (
    SELECT d.document
      FROM subject
      JOIN vpd_private.user_document d ON d.user_id = subject.id
), held (id) AS (
    (
        SELECT id FROM subject
        UNION
        -- An enterprise role is what the identity provider says; a role administered here cannot be claimed.
        SELECT a.id
          FROM vpd_private.authority a
          JOIN vpd_private.role_detail r ON r.role_id = a.id
         WHERE a.kind = 'role'
           AND a.name = ANY ($2)
           AND r.kind = 'enterprise'
           AND a.dropped_at IS NULL
           AND a.is_enabled
        UNION
        SELECT a.id
          FROM vpd_private.authority a
         WHERE a.kind = 'role'
           AND a.name = ANY ($4)
           AND a.dropped_at IS NULL
           AND a.is_enabled
        UNION
        SELECT a.id
          FROM vpd_private.authority a
         WHERE a.kind = 'group'
           AND a.name = ANY ($6)
           AND a.dropped_at IS NULL
           AND a.is_enabled
        UNION
        SELECT a.id
          FROM vpd_private.role_detail r
          JOIN vpd_private.authority a ON a.id = r.role_id
         CROSS JOIN attribute
         WHERE r.kind = 'parametric'
           -- The order counts: the rule of a role that is switched off or dropped is not looked at.
           AND CASE
                   WHEN a.dropped_at IS NULL AND a.is_enabled AND (a.name NOT LIKE '%\_PREPROD' OR NOT $5)
                   THEN vpd_private.meets_rule(attribute.document, r.rule)
               END
    )
    UNION
    SELECT g.granted_id
      FROM held h
     CROSS JOIN moment
      JOIN vpd_private.authority_grant g
        ON g.holder_id = h.id
       AND g.valid_from <= moment.at
       AND moment.at < g.valid_until
      JOIN vpd_private.authority a
        ON a.id = g.granted_id
       AND a.dropped_at IS NULL
       AND a.is_enabled
      LEFT JOIN vpd_private.role_detail r ON r.role_id = a.id
     WHERE a.kind <> 'role'
        OR CASE WHEN a.name LIKE '%\_PREPROD' THEN NOT $5 ELSE $5 OR r.kind <> 'enterprise' END
), node AS MATERIALIZED (
    SELECT a.id, a.kind, a.name
      FROM held h
      JOIN vpd_private.authority a ON a.id = h.id
)
SELECT v.version,
       coalesce((
           SELECT min(CASE WHEN g.valid_from > moment.at THEN g.valid_from ELSE g.valid_until END)
             FROM held h
             JOIN vpd_private.authority_grant g ON g.holder_id = h.id
            WHERE g.valid_until > moment.at
       ), 'infinity'),
       ARRAY(
           SELECT n.name FROM node n WHERE n.kind = 'role'
           UNION
           SELECT c.name
             FROM unnest($2::text[]) c (name)
            WHERE (SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'role' AND a.name = c.name AND a.dropped_at IS NULL LIMIT 1) IS NULL
              -- What was dropped is gone for those who claim it as well.
              AND (SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'role' AND a.name = c.name AND a.dropped_at IS NOT NULL LIMIT 1) IS NULL
       ),
       ARRAY(
           SELECT n.name FROM node n WHERE n.kind = 'privilege'
           UNION
           SELECT c.name
             FROM unnest($3::text[]) c (name)
            -- These open doors of our own: nobody claims them.
            WHERE c.name !~ '^(session|segregation):'
              AND (SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'privilege' AND a.name = c.name AND a.dropped_at IS NULL LIMIT 1) IS NULL
              -- What was dropped is gone for those who claim it as well.
              AND (SELECT a.id FROM vpd_private.authority a WHERE a.kind = 'privilege' AND a.name = c.name AND a.dropped_at IS NOT NULL LIMIT 1) IS NULL
       ),
       ARRAY(SELECT n.id FROM node n WHERE n.kind = 'data_group' ORDER BY n.id),
       ARRAY(
           SELECT a.name
             FROM subject
             JOIN vpd_private.user_account u ON u.manager_id = subject.id
             JOIN vpd_private.authority a ON a.id = u.user_id
            WHERE a.dropped_at IS NULL
              AND NOT EXISTS (
                  SELECT
                    FROM vpd_private.user_account o
                    JOIN vpd_private.identity_source os ON os.name = o.source
                    JOIN vpd_private.identity_source us ON us.name = u.source
                   WHERE o.user_id = u.user_id
                     AND o.manager_id <> u.manager_id
                     AND os.precedence < us.precedence
              )
            ORDER BY a.name
       ),
       EXISTS (
           SELECT
             FROM vpd_private.authority a
            WHERE a.kind = 'user'
              AND a.name = $1
              AND a.dropped_at IS NULL
              AND NOT a.is_enabled
       ),
       ARRAY(SELECT n.name FROM node n WHERE n.kind = 'group')
  FROM vpd_private.authority_version v
 CROSS JOIN moment;
