-- Application contexts as definitions. The owner of the trusted function belongs to the database and not to the definition.
SELECT jsonb_build_object(
           'namespace', c.namespace,
           'trusted_function', format('%I.%I(%s)', c.function_schema, c.function_name, c.function_arguments),
           'accessed_globally', c.is_global
       )
  FROM vpd_private.application_context c
 ORDER BY c.namespace COLLATE "C";
