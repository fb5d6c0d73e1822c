DELETE FROM vpd_private.queue q
 USING vpd_private.session_token t
 WHERE t.token_hash = $1
   AND q.session_id = t.session_id
   AND q.app = t.app
   AND q.id = $2;
