-- A row when a description is given that is another than the one there is.
SELECT true FROM vpd_private.authority WHERE id = $1 AND $2::text IS NOT NULL AND description IS DISTINCT FROM $2;
