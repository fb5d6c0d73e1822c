-- A record that is no part of the trail: at or before what was dropped ($1), or behind its end ($2).
SELECT coalesce(
           (SELECT sequence FROM vpd_private.audit_record WHERE sequence <= $1 ORDER BY sequence LIMIT 1),
           (SELECT sequence FROM vpd_private.audit_record WHERE sequence > $2 ORDER BY sequence LIMIT 1)
       );
