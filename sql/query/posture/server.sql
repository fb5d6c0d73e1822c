-- The server: library, version, settings that change what policies mean. $1: whether the library works; $2: the version floor that is missed.
SELECT 'critical' AS severity,
       'library_not_preloaded' AS finding,
       'server' AS object,
       'protected tables show nothing, and nothing is enforced but that' AS detail,
       format(
           'ALTER SYSTEM SET shared_preload_libraries = %s; -- and restart the server',
           array_to_string(ARRAY(
               SELECT quote_literal(trim(library))
                 FROM regexp_split_to_table(current_setting('shared_preload_libraries') || ',pg_vpd', ',') library
                WHERE trim(library) <> ''
           ), ', ')
       ) AS remedy
 WHERE NOT $1
UNION ALL
SELECT 'high',
       'version_below_floor',
       'server',
       'this release has published leaks of row security',
       format('-- update the server to %s or later', $2)
 WHERE $2::text IS NOT NULL
UNION ALL
SELECT 'high',
       'null_predicate_all_rows',
       s.place,
       'a policy function that returns NULL or an empty text shows every row',
       s.set_command || '''deny''' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name = 'vpd.null_predicate'
   AND s.value = 'all_rows'
UNION ALL
SELECT 'medium',
       'search_path_kept',
       s.place,
       'the next user of a pooled connection works with the search_path that the former one left',
       s.set_command || '''reset''' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name = 'vpd.attach_search_path'
   AND s.value = 'keep'
UNION ALL
SELECT 'high',
       'replication_role',
       s.place,
       'triggers, and the event triggers that protect new partitions, do not fire',
       s.set_command || '''origin''' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name = 'session_replication_role'
   AND s.value = 'replica'
UNION ALL
SELECT 'high',
       'event_trigger_disabled',
       e.evtname::text,
       'new partitions are not protected, or dropped tables not forgotten',
       format('ALTER EVENT TRIGGER %I ENABLE', e.evtname)
  FROM pg_event_trigger e
  JOIN pg_depend d ON d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e'
  JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'pg_vpd'
 WHERE e.evtenabled IN ('D', 'R')
UNION ALL
SELECT 'critical',
       'own_trigger_disabled',
       format('%I on vpd_private.%I', t.tgname, c.relname),
       'sessions that were ended or changed by hand are not announced',
       format(
           'ALTER TABLE vpd_private.%I ENABLE %sTRIGGER %I',
           c.relname, CASE WHEN t.is_of_replication THEN 'REPLICA ' ELSE '' END, t.tgname
       )
  FROM (
           SELECT t.*, t.tgname IN ('vpd_rows_replicated', 'vpd_table_replicated') AS is_of_replication FROM pg_trigger t
       ) t
  JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'vpd_private'::regnamespace
   AND NOT t.tgisinternal
   AND (t.tgenabled = 'D' OR t.tgenabled = 'R' AND NOT t.is_of_replication OR t.tgenabled = 'O' AND t.is_of_replication)
UNION ALL
SELECT 'info',
       'not_checked',
       'database',
       'what functions do in dynamic SQL or outside this database, copies made of rows earlier, backups and files are beyond this report',
       '-- look at them by hand';
