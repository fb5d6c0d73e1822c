-- The GRANT or REVOKE commands of a profile. What another profile of the role needs as well is not known here.
SELECT CASE
           WHEN p.oid IS NOT NULL THEN format(
               '%s EXECUTE ON FUNCTION vpd.%I(%s) %s %I',
               $1, p.proname, pg_get_function_identity_arguments(p.oid), word.direction, r.rolname
           )
           ELSE format('%s SELECT ON vpd.%I %s %I', $1, x.object, word.direction, r.rolname)
       END
  FROM vpd_private.profile_privilege x
 CROSS JOIN (SELECT CASE $1 WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END AS direction) word
  JOIN pg_roles r ON r.oid = $3
  LEFT JOIN pg_proc p ON p.pronamespace = 'vpd'::regnamespace AND p.proname = x.object
 WHERE x.profile = $2;
