-- Whether a role may call vpd.track_changes.
SELECT bool_or(has_function_privilege($1, p.oid, 'EXECUTE'))
  FROM pg_proc p
 WHERE p.pronamespace = 'vpd'::regnamespace
   AND p.proname = 'track_changes';
