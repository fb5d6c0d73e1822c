-- The GRANT or REVOKE commands of a profile. What another profile of the role needs as well is not known here.
SELECT CASE
           WHEN p.oid IS NOT NULL THEN format('%s EXECUTE ON FUNCTION %s %s %s', $1, p.oid::regprocedure, word.direction, $3::regrole)
           ELSE format('%s SELECT ON vpd.%I %s %s', $1, x.object, word.direction, $3::regrole)
       END
  FROM vpd_private.profile_privilege x
 CROSS JOIN (SELECT CASE $1 WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END AS direction) word
  LEFT JOIN pg_proc p ON p.pronamespace = 'vpd'::regnamespace AND p.proname = x.object
 WHERE x.profile = $2;
