-- Asks the workers of a database to stop, and waits for them: up to five seconds, as the server itself does.
SELECT pg_terminate_backend(a.pid, 5000)
  FROM pg_stat_activity a
 WHERE a.datid = $1
   AND a.backend_type IN ('pg_vpd purge', 'pg_vpd scribe');
