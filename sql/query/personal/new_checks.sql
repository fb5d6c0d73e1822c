-- The commands that check of each sealed column with a key per person, of a table ($1), that its values are about the person, of a kind ($3), that a column ($2) names; but for columns that have such a check from elsewhere.
-- NOT VALID: what is there already is sealed for the person later, and a dump puts such a check after the rows.
SELECT format(
           'ALTER TABLE %I.%I ADD CONSTRAINT %I CHECK (vpd.sealed_is_about(%I, %L || %I::text)) NOT VALID',
           n.nspname,
           c.relname,
           'vpd_about_' || CASE WHEN octet_length(s.name) <= 50 THEN s.name ELSE md5(s.name) END,
           s.name,
           $3::text || ':',
           $2::text
       )
  FROM vpd_private.sealed_column s
  JOIN vpd_private.sealing_key y ON y.key_number = s.key_number AND y.is_per_person
  JOIN pg_class c ON c.oid = s.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE s.relation = $1
   AND NOT EXISTS (SELECT FROM vpd_private.person_check k WHERE k.relation = s.relation AND k.number = s.number)
 ORDER BY s.number;
