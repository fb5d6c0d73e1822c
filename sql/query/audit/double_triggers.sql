-- Commands that take our triggers from a partition that has them from its parent as well.
SELECT format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname)
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.tgrelid = $1
   AND t.tgparentid = 0
   AND c.relispartition
   AND t.tgfoid IN ('vpd_private.track_changes()'::regprocedure, 'vpd_private.protect_action()'::regprocedure);
