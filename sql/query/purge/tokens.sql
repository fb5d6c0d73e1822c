-- Removes a batch of tokens whose session is gone.
DELETE FROM vpd_private.session_token t
 WHERE t.ctid IN (
       SELECT o.ctid
         FROM vpd_private.session_token o
        WHERE NOT EXISTS (SELECT FROM vpd_private.session s WHERE s.id = o.session_id)
        LIMIT $1
   );
