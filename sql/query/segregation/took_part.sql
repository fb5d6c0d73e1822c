-- Whoever was erased may have been any of the persons.
SELECT
  FROM vpd_private.action_record r
 WHERE r.object = $1
   AND r.action = $2
   AND (
       r.persons && $3
       OR EXISTS (SELECT FROM vpd_private.pseudonym p WHERE p.pseudonym = ANY (r.persons) AND p.user_name IS NULL)
   )
 LIMIT 1;
