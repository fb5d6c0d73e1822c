-- Adds groups and changes descriptions, if the file has them ($3); returns the names of those added or changed.
WITH line AS (
    SELECT * FROM unnest($1::text[], $2::text[]) AS l (name, description)
), changed AS (
    UPDATE vpd_private.authority a
       SET description = l.description
      FROM line l
     WHERE a.kind = 'group'
       AND a.name = l.name
       AND a.dropped_at IS NULL
       AND $3
       AND a.description IS DISTINCT FROM l.description
    RETURNING a.name
), added AS (
    INSERT INTO vpd_private.authority (kind, name, description)
    SELECT 'group', l.name, l.description
      FROM line l
     WHERE NOT EXISTS (SELECT FROM vpd_private.authority a WHERE a.kind = 'group' AND a.name = l.name AND a.dropped_at IS NULL)
    RETURNING name
)
SELECT name FROM changed UNION ALL SELECT name FROM added;
