-- Keeps masks on their columns: one whose name is gone is found by its number, when it was renamed; by its name otherwise, as after a
-- restore. Returns the tables whose masks changed.
WITH renamed AS (
    UPDATE vpd_private.mask m
       SET column_name = a.attname
      FROM pg_attribute a
     WHERE a.attrelid = m.relation
       AND a.attnum = m.column_number
       AND NOT a.attisdropped
       AND a.attname <> m.column_name
       AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = m.relation AND n.attname = m.column_name AND NOT n.attisdropped)
    RETURNING m.relation
), renumbered AS (
    UPDATE vpd_private.mask m
       SET column_number = a.attnum
      FROM pg_attribute a
     WHERE a.attrelid = m.relation
       AND a.attname = m.column_name
       AND NOT a.attisdropped
       AND a.attnum <> m.column_number
    RETURNING m.relation
), dropped AS (
    DELETE FROM vpd_private.mask m
     WHERE NOT EXISTS (
               SELECT FROM pg_attribute a
                WHERE a.attrelid = m.relation
                  AND NOT a.attisdropped
                  AND (a.attname = m.column_name OR a.attnum = m.column_number)
           )
    RETURNING m.relation
)
SELECT relation::oid FROM renamed
UNION SELECT relation::oid FROM renumbered
UNION SELECT relation::oid FROM dropped;
