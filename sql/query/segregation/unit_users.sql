-- Users of whom some source says that they belong to a unit, or to one below it.
WITH RECURSIVE below (unit) AS (
    SELECT $1::text
    UNION
    SELECT u.name
      FROM below b
      JOIN vpd_private.unit u ON u.parent = b.unit
)
SELECT DISTINCT c.user_id
  FROM below b
  JOIN vpd_private.user_account c ON c.unit = b.unit;
