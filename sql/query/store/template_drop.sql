-- The roles stay, and are nobody's any more.
WITH forgotten AS (
    DELETE FROM vpd_private.data_role WHERE template = $1
)
DELETE FROM vpd_private.data_role_template WHERE name = $1;
