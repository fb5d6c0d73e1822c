-- The GRANT or REVOKE commands of a profile. What another profile of the role needs as well is not known here.
SELECT CASE
           WHEN p.oid IS NOT NULL THEN format(
               '%s EXECUTE ON ROUTINE %I.%I(%s) %s %I',
               $1, x.schema_name, p.proname, pg_get_function_identity_arguments(p.oid), word.direction, r.rolname
           )
           ELSE format('%s SELECT ON %I.%I %s %I', $1, x.schema_name, x.object_name, word.direction, r.rolname)
       END
  FROM (
      SELECT profile,
             CASE WHEN object LIKE '%.%' THEN split_part(object, '.', 1) ELSE 'vpd' END AS schema_name,
             CASE WHEN object LIKE '%.%' THEN split_part(object, '.', 2) ELSE object END AS object_name
        FROM vpd_private.profile_privilege
  ) x
 CROSS JOIN (SELECT CASE $1 WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END AS direction) word
  JOIN pg_roles r ON r.oid = $3
  JOIN pg_namespace n ON n.nspname = x.schema_name
  LEFT JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = x.object_name
 WHERE x.profile = $2;
