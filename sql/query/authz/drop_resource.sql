-- With what is kept of privileges on it that were dropped.
WITH former AS (
    DELETE FROM vpd_private.privilege_detail WHERE resource = $1
)
DELETE FROM vpd_private.resource WHERE name = $1;
