-- The column that names the person in a table ($1), by what its root says, or the table itself: number and name in the table itself, the kind of person, whether its type still has one text for each value, and since when values are to become about the persons that it names, while they do.
WITH RECURSIVE ancestor AS (
    SELECT $1::oid AS relation, 0 AS distance
    UNION
    SELECT i.inhparent, a.distance + 1 FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.relation
)
SELECT own.number,
       own.name,
       p.kind,
       own.is_plain,
       CASE WHEN $1::oid::regclass = ANY (p.moving) THEN p.named_at::text END
  FROM ancestor a
  JOIN vpd_private.person_column p ON p.relation = a.relation::regclass
 CROSS JOIN LATERAL (
       SELECT r.attname
         FROM pg_attribute r
        WHERE r.attrelid = p.relation::oid
          AND r.attnum > 0
          AND NOT r.attisdropped
          AND (r.attname = p.column_name OR r.attnum = p.column_number)
        ORDER BY r.attname <> p.column_name
        LIMIT 1
       ) root
  JOIN vpd_private.nameable_column own ON own.relation = $1 AND own.name = root.attname
 ORDER BY a.distance DESC
 LIMIT 1;
