-- Whether unit $2 is unit $1 or lies below it.
WITH RECURSIVE above (name) AS (
    SELECT $2::text
    UNION
    SELECT u.parent FROM above JOIN vpd_private.unit u ON u.name = above.name WHERE u.parent IS NOT NULL
)
SELECT true FROM above WHERE name = $1;
