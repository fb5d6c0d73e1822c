-- What is believed of users whom somebody marked and of whom a source ($1) tells: name, owner, everything of which one source is believed before another.
SELECT 'user:' || p.name,
       p.seeded_by,
       jsonb_build_array(p.display_name, p.unit, p.manager, p.attributes)::text
  FROM vpd_private.user_profile p
 WHERE p.seeded_by IS NOT NULL
   AND EXISTS (SELECT FROM vpd_private.user_account u WHERE u.user_id = p.id AND u.source = $1);
