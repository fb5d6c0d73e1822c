-- What was done to an object that is called something else now.
INSERT INTO vpd_private.action_record (object, action, user_name, persons, session_id, recorded_at)
SELECT $2, r.action, r.user_name, r.persons, r.session_id, r.recorded_at
  FROM vpd_private.action_record r
 WHERE r.object = $1
 ORDER BY r.id;
