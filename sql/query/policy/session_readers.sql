-- The functions that read the session context, and whether each returns NULL or false while no session is attached.
SELECT p.oid,
       p.proname <> 'sys_context'
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = 'vpd'
   AND p.proname IN (
       'user_name', 'session_id', 'app_name', 'pillar', 'audit_identity', 'acting_for', 'is_established', 'is_authenticated',
       'attribute', 'attribute_list', 'sees_node', 'user_in_role', 'user_in_all_roles', 'has_privilege', 'has_resource', 'sys_context'
   );
