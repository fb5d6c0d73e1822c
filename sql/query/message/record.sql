-- Records a keep-alive of a live session: $1 its hash, $2 the login whose clocks it moves, $3 the application that sends it, $4 the one it is for.
INSERT INTO vpd_private.message (message_hash, root_id, source_app, target_app, recorded_at, expires_at)
SELECT $1::bytea, $2::uuid, $3, $4, moment.now, moment.now + interval '60 seconds'
  FROM (SELECT clock_timestamp() AS now) moment;
