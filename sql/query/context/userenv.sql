-- What the server knows of the connection, under Oracle's names; $2 is the user the statement of the caller runs as, $3 his schema.
SELECT CASE $1
           WHEN 'CURRENT_SCHEMA' THEN $3::text
           WHEN 'CURRENT_SCHEMAID' THEN (SELECT n.oid::text FROM pg_namespace n WHERE n.nspname = $3)
           WHEN 'CURRENT_USERID' THEN (SELECT r.oid::text FROM pg_roles r WHERE r.rolname = $2)
           WHEN 'SESSION_USERID' THEN (SELECT r.oid::text FROM pg_roles r WHERE r.rolname = session_user)
           WHEN 'ISDBA' THEN (SELECT upper(r.rolsuper::text) FROM pg_roles r WHERE r.rolname = session_user)
           WHEN 'IP_ADDRESS' THEN host(inet_client_addr())
           WHEN 'HOST' THEN (
               SELECT coalesce(a.client_hostname, host(a.client_addr)) FROM pg_stat_get_activity(pg_backend_pid()) a
           )
           WHEN 'NETWORK_PROTOCOL' THEN CASE WHEN inet_client_addr() IS NULL THEN 'ipc' ELSE 'tcp' END
           WHEN 'SERVER_HOST' THEN host(inet_server_addr())
           WHEN 'INSTANCE_NAME' THEN nullif(current_setting('cluster_name'), '')
           WHEN 'DATABASE_ROLE' THEN CASE WHEN pg_is_in_recovery() THEN 'PHYSICAL STANDBY' ELSE 'PRIMARY' END
           WHEN 'SID' THEN pg_backend_pid()::text
           WHEN 'MODULE' THEN current_setting('application_name')
       END;
