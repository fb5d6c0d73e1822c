-- Sealed columns: keys that cannot be unwrapped with the master keys ($1) that the server has, the current one first, and columns about persons of tables that name none.
SELECT 'high' AS severity,
       'master_key_missing' AS finding,
       format('key %s', k.name) AS object,
       format(
           'is wrapped with the master key %s, which the server does not have: what it seals answers as without the privilege, and nothing can be sealed with it',
           string_agg(DISTINCT format('"%s"', v.master), ', ')
       ) AS detail,
       '-- put the master key back into vpd.master_key_file, or into what vpd.master_key_command prints, and restart the server; its log says why one could not be read' AS remedy
  FROM vpd_private.sealing_key k
  JOIN (
           SELECT key_number, master FROM vpd_private.sealing_key_version
           UNION
           SELECT key_number, master FROM vpd_private.sealed_person
       ) v ON v.key_number = k.key_number
 WHERE k.destroyed_at IS NULL
   AND v.master <> ALL ($1::text[])
 GROUP BY k.name
UNION ALL
SELECT 'low',
       'master_key_former',
       format('key %s', k.name),
       'is wrapped with a former master key: whoever has that and a backup reads it',
       'SELECT vpd.rewrap_keys()'
  FROM vpd_private.sealing_key k
 WHERE k.destroyed_at IS NULL
   AND EXISTS (
           SELECT
             FROM (
                      SELECT key_number, master FROM vpd_private.sealing_key_version
                      UNION ALL
                      SELECT key_number, master FROM vpd_private.sealed_person
                  ) v
            WHERE v.key_number = k.key_number
              AND v.master = ANY ($1::text[])
              AND v.master <> ($1::text[])[1]
       )
UNION ALL
SELECT 'high',
       'person_not_named',
       format('%I.%I', n.nspname, c.relname),
       'has sealed columns about persons, and nothing seals what comes in with their keys: who is forgotten would not be forgotten there',
       coalesce(
           min(format('ALTER TABLE %I.%I ENABLE TRIGGER %I', n.nspname, c.relname, g.tgname)),
           min(format('-- SELECT vpd.name_person(''%I.%I'', the column that names the person)', n.nspname, c.relname))
       )
  FROM vpd_private.sealed_column s
  JOIN vpd_private.sealing_key k ON k.key_number = s.key_number AND k.is_per_person AND k.destroyed_at IS NULL
  JOIN pg_class c ON c.oid = s.relation AND c.relkind IN ('r', 'p')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_trigger g ON g.tgrelid = c.oid AND g.tgfoid = 'vpd_private.seal_for_person()'::regprocedure
 WHERE coalesce(g.tgenabled NOT IN ('O', 'A'), true)
    OR NOT EXISTS (SELECT FROM vpd_private.person_check b WHERE b.relation = c.oid AND b.number = s.number)
 GROUP BY n.nspname, c.relname;
