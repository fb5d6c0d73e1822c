-- Removes a batch of what was flattened and is superseded, or belongs to a session that is gone.
DELETE FROM vpd_private.session_authority a
 WHERE a.ctid IN (
       SELECT o.ctid
         FROM vpd_private.session_authority o
        WHERE NOT EXISTS (SELECT FROM vpd_private.session s WHERE s.id = o.session_id)
           OR EXISTS (
              SELECT FROM vpd_private.session_authority n WHERE n.session_id = o.session_id AND n.version > o.version
          )
        LIMIT $1
   );
