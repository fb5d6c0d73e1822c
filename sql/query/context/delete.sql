DELETE FROM vpd_private.application_context c WHERE c.namespace = $1;
