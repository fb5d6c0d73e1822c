-- Ends the sessions an application opened, and what was handed over from them.
WITH chosen AS (
    SELECT s.id FROM vpd_private.session s WHERE s.app = $1
)
UPDATE vpd_private.session s
   SET ended_at = clock_timestamp(),
       end_reason = 'app_dropped'
  FROM chosen
 WHERE (s.id = chosen.id OR s.root_id = chosen.id)
   AND s.ended_at IS NULL
RETURNING s.id;
