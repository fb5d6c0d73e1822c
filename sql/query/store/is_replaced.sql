-- Whether a context is declared with a function that belongs to somebody else now: it trusts nobody.
SELECT true
  FROM vpd_private.application_context c
  JOIN pg_proc p ON p.oid = to_regprocedure(format('%I.%I(%s)', c.function_schema, c.function_name, c.function_arguments))
 WHERE c.namespace = $1
   AND format('%I.%I(%s)', c.function_schema, c.function_name, c.function_arguments) = $2
   AND pg_get_userbyid(p.proowner) <> c.function_owner;
