-- Commands that put the triggers on tables that want them and on their children; partitions get theirs from the server. $1: one table, or NULL for all.
-- On a table that was a partition they are called otherwise, so that it can become one again.
WITH RECURSIVE wanted AS (
    SELECT t.relation::oid AS member, true AS is_tracked
      FROM vpd_private.tracked_table t
     WHERE $1::oid IS NULL OR t.relation = $1::regclass
    UNION
    SELECT p.relation::oid, false
      FROM vpd_private.protected_action p
     WHERE $1::oid IS NULL OR p.relation = $1::regclass
    UNION
    SELECT i.inhrelid, w.is_tracked
      FROM wanted w
      JOIN pg_inherits i ON i.inhparent = w.member
)
SELECT CASE
           WHEN w.is_tracked THEN format(
               'CREATE TRIGGER %I BEFORE INSERT OR UPDATE OR DELETE ON %I.%I FOR EACH ROW EXECUTE FUNCTION vpd_private.track_changes()',
               'zzz_vpd_track_changes' || w.suffix, n.nspname, c.relname
           )
           ELSE format(
               'CREATE TRIGGER %I AFTER INSERT OR UPDATE ON %I.%I FOR EACH ROW EXECUTE FUNCTION vpd_private.protect_action()',
               'aaa_vpd_protect_action' || w.suffix, n.nspname, c.relname
           )
       END
  FROM (
           SELECT w.member,
                  w.is_tracked,
                  CASE WHEN EXISTS (SELECT FROM vpd_private.audited_member m WHERE m.relation = w.member::regclass) THEN '_own' ELSE '' END AS suffix
             FROM wanted w
       ) w
  JOIN pg_class c ON c.oid = w.member
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT c.relispartition
   AND NOT EXISTS (
       SELECT
         FROM pg_trigger t
        WHERE t.tgrelid = w.member
          AND t.tgfoid = CASE
                  WHEN w.is_tracked THEN 'vpd_private.track_changes()'::regprocedure
                  ELSE 'vpd_private.protect_action()'::regprocedure
              END
   );
