-- The commands that make the partitions of a month, when they are not there. $1 a day of it, counted from 2000-01-01.
WITH bounds AS (
    SELECT m.first, m.first + interval '1 month' AS following
      FROM (SELECT date_trunc('month', timestamp '2000-01-01' + $1::integer * interval '1 day') AS first) m
), missing AS (
    SELECT t.name AS parent,
           t.name || to_char(b.first, '_YYYY_MM') AS name,
           b.first,
           b.following,
           t.place
      FROM bounds b
     CROSS JOIN (VALUES ('audit_record', 1), ('audit_person', 2)) t (name, place)
     WHERE NOT EXISTS (
               SELECT
                 FROM pg_class c
                WHERE c.relnamespace = 'vpd_private'::regnamespace
                  AND c.relname = t.name || to_char(b.first, '_YYYY_MM')
           )
)
SELECT c.command
  FROM missing m
 CROSS JOIN LATERAL (VALUES
     (1, format('CREATE TABLE vpd_private.%I (LIKE vpd_private.%I INCLUDING ALL)', m.name, m.parent)),
     (2, format('ALTER TABLE vpd_private.%I ENABLE ROW LEVEL SECURITY', m.name)),
     (3, format('ALTER TABLE vpd_private.%I REPLICA IDENTITY FULL', m.name)),
     (4, format('COMMENT ON TABLE vpd_private.%I IS %L', m.name, 'A month of the audit trail.')),
     -- Whoever reads the trail, for as long as he likes, holds up nothing: attaching needs no more than a lock that goes with reading.
     (5, format('ALTER TABLE vpd_private.%I ATTACH PARTITION vpd_private.%I FOR VALUES FROM (%L) TO (%L)', m.parent, m.name, m.first || '+00', m.following || '+00')),
     (6, format('ALTER EXTENSION pg_vpd ADD TABLE vpd_private.%I', m.name))
 ) c (place, command)
 ORDER BY m.place, c.place;
