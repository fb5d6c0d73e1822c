-- The clocks of a session that is open, and whose token, if it was attached by one ($2), still opens it.
SELECT c.idle_expires_at,
       c.expires_at
  FROM vpd_private.session_clock c
 WHERE c.id = $1
   AND c.is_open
   AND ($2::bytea IS NULL OR EXISTS (
           SELECT
             FROM vpd_private.session_token t
            WHERE t.token_hash = $2
              AND t.session_id = c.id
              AND t.made_in = (
                      SELECT coalesce(sum(e.generation), 0)
                        FROM vpd_private.session_era e
                       WHERE e.subject = sha256(convert_to('app:' || t.app, 'UTF8'))
                  )
       ));
