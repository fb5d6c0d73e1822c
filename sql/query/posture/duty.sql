-- Audit columns and protected actions: triggers that are off or gone, or that come after ours.
WITH RECURSIVE wanted AS (
    SELECT t.relation::oid AS member, true AS is_tracked FROM vpd_private.tracked_table t
    UNION
    SELECT p.relation::oid, false FROM vpd_private.protected_action p
    UNION
    SELECT i.inhrelid, w.is_tracked
      FROM wanted w
      JOIN pg_inherits i ON i.inhparent = w.member
), trigger_of AS (
    SELECT c.oid,
           format('%I.%I', n.nspname, c.relname) AS name,
           w.is_tracked,
           t.tgname,
           t.tgenabled
      FROM wanted w
      JOIN pg_class c ON c.oid = w.member
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_trigger t
        ON t.tgrelid = c.oid
       AND t.tgfoid = CASE
               WHEN w.is_tracked THEN 'vpd_private.track_changes()'::regprocedure
               ELSE 'vpd_private.protect_action()'::regprocedure
           END
)
SELECT CASE WHEN t.is_tracked THEN 'high' ELSE 'critical' END AS severity,
       CASE WHEN t.is_tracked THEN 'tracking_off' ELSE 'action_unprotected' END AS finding,
       t.name AS object,
       CASE
           WHEN t.is_tracked THEN 'its audit columns get what statements write there'
           ELSE 'whoever may change its rows takes the protected action, the maker included'
       END AS detail,
       CASE
           WHEN t.tgname IS NOT NULL THEN format('ALTER TABLE %s ENABLE TRIGGER %I', t.name, t.tgname)
           WHEN t.is_tracked THEN format(
               'CREATE TRIGGER zzz_vpd_track_changes BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION vpd_private.track_changes()', t.name
           )
           ELSE format(
               'CREATE TRIGGER aaa_vpd_protect_action AFTER INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION vpd_private.protect_action()', t.name
           )
       END AS remedy
  FROM trigger_of t
 WHERE t.tgname IS NULL
    OR t.tgenabled IN ('D', 'R')
UNION ALL
SELECT 'high',
       'trigger_after_tracking',
       format('%I on %s', o.tgname, t.name),
       'runs after the audit columns were filled and may write them',
       format('ALTER TRIGGER %I ON %s RENAME TO %I', o.tgname, t.name, left('vpd_before_' || o.tgname, 63))
  FROM trigger_of t
  JOIN pg_trigger o
    ON o.tgrelid = t.oid
   AND NOT o.tgisinternal
   AND o.tgparentid = 0
   AND o.tgname > t.tgname
   AND o.tgtype & 1 = 1
   AND o.tgtype & 2 = 2
   AND o.tgtype & 20 > 0
 WHERE t.is_tracked
UNION ALL
SELECT 'medium',
       'unit_parent_missing',
       format('unit %s', u.name),
       'lies below a unit that is not there: rules for the units above do not reach it',
       format('SELECT vpd.define_unit(%L)', u.parent)
  FROM vpd_private.unit u
 WHERE u.parent IS NOT NULL
   AND NOT EXISTS (SELECT FROM vpd_private.unit p WHERE p.name = u.parent);
