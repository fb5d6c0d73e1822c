-- Asks a purge of a database to stop after its batch, and waits for it: up to five seconds, as the server itself does.
SELECT pg_terminate_backend(a.pid, 5000)
  FROM pg_stat_activity a
 WHERE a.datid = $1
   AND a.backend_type = 'pg_vpd purge';
