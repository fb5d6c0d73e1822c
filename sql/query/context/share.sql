-- The function that the context trusts, and who owned it when it was declared, stay.
UPDATE vpd_private.application_context SET is_global = $2 WHERE namespace = $1 AND is_global <> $2;
