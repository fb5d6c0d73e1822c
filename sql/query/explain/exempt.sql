-- Names of the roles to whom the policies of a table do not apply, superusers left out.
SELECT DISTINCT x.rolname::text FROM vpd_private.posture_exempt x WHERE x.why <> 'superuser' AND (x.relation IS NULL OR x.relation = $1) ORDER BY 1;
