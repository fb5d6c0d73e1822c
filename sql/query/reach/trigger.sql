-- Whether a table has a trigger of the library.
SELECT
  FROM pg_trigger t
 WHERE t.tgrelid = $1
   AND t.tgname = $2
   AND t.tgfoid IN ('vpd_private.track_changes()'::regprocedure, 'vpd_private.protect_action()'::regprocedure);
