-- The clocks of a session that is open, and of the token it was attached by, if there is one: $2 its application, $3 the generation it was given out in.
SELECT c.idle_expires_at,
       c.expires_at
  FROM vpd_private.session_clock c
 WHERE c.id = $1
   AND c.is_open
   AND ($3::bigint IS NULL OR $3 = (
           SELECT coalesce(sum(e.generation), 0)
             FROM vpd_private.session_era e
            WHERE e.subject = sha256(convert_to('app:' || $2, 'UTF8'))
       ));
