-- Foreign keys and replication.
SELECT 'medium' AS severity,
       'foreign_key_probe' AS finding,
       format('%I on %I.%I', k.conname, n.nspname, c.relname) AS object,
       format('whoever writes this table learns which keys of %s exist', t.name) AS detail,
       format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, c.relname, k.conname) AS remedy
  FROM vpd_private.posture_table t
  JOIN pg_constraint k ON k.confrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table p WHERE p.relation = k.conrelid)
UNION ALL
SELECT 'medium',
       'foreign_key_cascade',
       format('%I on %s', k.conname, t.name),
       format('deleting or changing a row of %I.%I, which has no policies, reaches hidden rows of this table', n.nspname, c.relname),
       format('ALTER TABLE %s DROP CONSTRAINT %I', t.name, k.conname)
  FROM vpd_private.posture_table t
  JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0
  JOIN pg_class c ON c.oid = k.confrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
   AND NOT EXISTS (SELECT FROM vpd_private.protected_table p WHERE p.relation = k.confrelid)
UNION ALL
SELECT 'medium',
       'index_statistics',
       format('%s of %I.%I', a.attname, n.nspname, i.relname),
       format('pg_stats shows values of %s, made by an expression of this index, to its owner and to members of pg_read_all_data', t.name),
       format(
           'ALTER INDEX %1$I.%2$I ALTER COLUMN %3$s SET STATISTICS 0; DELETE FROM pg_statistic WHERE starelid = %4$L::regclass AND staattnum = %3$s',
           n.nspname, i.relname, a.attnum, format('%I.%I', n.nspname, i.relname)
       )
  FROM vpd_private.posture_table t
  JOIN pg_index x ON x.indrelid = t.oid
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_namespace n ON n.oid = i.relnamespace
  JOIN pg_attribute a ON a.attrelid = i.oid AND NOT a.attisdropped AND (string_to_array(x.indkey::text, ' '))[a.attnum] = '0'
 WHERE (to_jsonb(a) ->> 'attstattarget') IS DISTINCT FROM '0'
    OR EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = i.oid AND s.staattnum = a.attnum)
UNION ALL
SELECT 'high',
       'partition_key_code',
       t.name,
       'its partition key hands stored values to code of a role that is no superuser, when a part is attached or made',
       coalesce(
           (
               SELECT string_agg(
                          format('ALTER ROUTINE %I.%I(%s) OWNER TO %I', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), b.rolname),
                          '; ' ORDER BY p.oid
                      )
                 FROM pg_depend d
                 JOIN pg_proc p ON p.oid = d.refobjid
                 JOIN pg_authid o ON o.oid = p.proowner AND NOT o.rolsuper
                 JOIN pg_namespace n ON n.oid = p.pronamespace
                 JOIN pg_authid b ON b.oid = 10
                WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.objsubid = 0 AND d.refclassid = 'pg_proc'::regclass
           ),
           '-- let a superuser own the domains, operators and functions of the key'
       )
  FROM vpd_private.posture_table t
  JOIN vpd_private.plain_partition_key k ON k.relation = t.oid
UNION ALL
SELECT 'high',
       'range_type_code',
       format('%I of %s', a.attname, t.name),
       format('ANALYZE and indexes hand stored values to functions of the type %s, which belong to no superuser', y.range::regtype),
       (
           SELECT string_agg(
                      format('ALTER FUNCTION %I.%I(%s) OWNER TO %I', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), b.rolname),
                      '; ' ORDER BY p.oid
                  )
             FROM pg_range r
             JOIN pg_proc p ON p.oid IN (r.rngsubdiff, r.rngcanonical)
             JOIN pg_authid o ON o.oid = p.proowner AND NOT o.rolsuper
             JOIN pg_namespace n ON n.oid = p.pronamespace
             JOIN pg_authid b ON b.oid = 10
            WHERE r.rngtypid = y.range
       )
  FROM vpd_private.posture_table t
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN vpd_private.plain_type y ON y.type = a.atttypid
UNION ALL
SELECT 'high',
       'publication',
       format('%s in %I', t.name, p.pubname),
       'subscribers receive every row',
       CASE
           WHEN p.puballtables THEN format('DROP PUBLICATION %I', p.pubname)
           WHEN EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = t.oid)
               THEN format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, t.name)
           ELSE format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %I', p.pubname, t.nspname)
       END
  FROM pg_publication p
 CROSS JOIN vpd_private.posture_table t
 WHERE p.puballtables
    OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = t.oid)
    OR EXISTS (
           SELECT FROM pg_publication_namespace s JOIN pg_class c ON c.relnamespace = s.pnnspid
            WHERE s.pnpubid = p.oid AND c.oid = t.oid
       )
UNION ALL
SELECT 'medium',
       'replication_slot',
       s.slot_name::text,
       'logical decoding gives every row that is written in this database',
       format('SELECT pg_drop_replication_slot(%L)', s.slot_name)
  FROM pg_replication_slots s
 WHERE s.slot_type = 'logical'
   AND s.database = current_database();
