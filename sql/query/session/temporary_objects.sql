-- A temporary object of this connection, of whatever kind: each depends on its schema. Says what it is: "table", "view", "function", ….
SELECT (pg_identify_object(d.classid, d.objid, 0)).type
  FROM pg_depend d
 WHERE d.refclassid = 'pg_namespace'::regclass
   AND d.refobjid = pg_my_temp_schema()
 LIMIT 1;
