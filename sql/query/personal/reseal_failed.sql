-- The purge worker did not get on with a table ($1), and why ($2).
UPDATE vpd_private.resealing SET failure = $2, updated_at = clock_timestamp() WHERE relation = $1::oid::regclass;
