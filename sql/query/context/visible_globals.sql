-- The shared values that a user with a client identifier sees. The one that fits best wins and therefore comes last:
-- user and client, then client, then user, then everybody.
SELECT g.namespace,
       g.attribute,
       g.value
  FROM vpd_private.global_context g
 WHERE g.username IN ('', $1)
   AND g.client_id IN ('', $2)
 ORDER BY g.client_id <> '', g.username <> '';
