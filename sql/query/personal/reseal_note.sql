-- A batch over a table ($1) is done: pass, place, blocks of the table, rows that were sealed anew, whether all is done.
UPDATE vpd_private.resealing
   SET pass = $2,
       next_block = $3,
       next_row = $4,
       blocks = $5,
       resealed = resealed + $6,
       failure = NULL,
       updated_at = clock_timestamp(),
       finished_at = CASE WHEN $7 THEN clock_timestamp() END,
       in_background = in_background AND NOT $7
 WHERE relation = $1::oid::regclass;
