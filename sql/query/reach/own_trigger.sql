-- Whether a trigger is one of the library.
SELECT
  FROM pg_trigger t
 WHERE t.oid = $1
   AND t.tgfoid IN ('vpd_private.track_changes()'::regprocedure, 'vpd_private.protect_action()'::regprocedure);
