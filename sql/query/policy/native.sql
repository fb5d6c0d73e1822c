-- PostgreSQL's own policies on a table that a command ($2, as the catalogue spells it) meets, ours left out: their condition, and whether
-- they are for a role ($3).
SELECT p.polname::text,
       p.polpermissive,
       CASE WHEN $2 = 'a' THEN coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid))
            ELSE pg_get_expr(p.polqual, p.polrelid)
       END,
       p.polroles = '{0}' OR EXISTS (SELECT FROM unnest(p.polroles) r (role) WHERE pg_has_role($3, r.role, 'USAGE')),
       p.polcmd IN ('*', $2::"char")
  FROM pg_policy p
 WHERE p.polrelid = $1
   AND p.polname <> 'vpd_guard'
 ORDER BY p.polname;
