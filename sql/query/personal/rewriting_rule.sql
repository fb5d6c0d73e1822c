-- A rule that would rewrite what is written to a table ($1).
SELECT w.rulename::text FROM pg_rewrite w WHERE w.ev_class = $1 AND w.ev_type = '2' AND w.ev_enabled <> 'D' LIMIT 1;
