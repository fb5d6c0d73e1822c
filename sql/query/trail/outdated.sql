-- The oldest month of the trail, when all of it is older than records are kept: the last record of it and its hash, and the commands that drop it. Never the month in which
-- the trail ends.
WITH parts AS (
    SELECT c.relname AS record,
           replace(c.relname, 'audit_record', 'audit_person') AS person,
           to_date(right(c.relname, 7), 'YYYY_MM') AS first
      FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'vpd_private.audit_record'::regclass
), oldest AS (
    SELECT p.record, p.person, p.first
      FROM parts p
     CROSS JOIN vpd_private.audit_state s
     WHERE (p.first + interval '1 month') AT TIME ZONE 'UTC' <= clock_timestamp() - s.retention
       AND (p.first + interval '1 month') AT TIME ZONE 'UTC' <= clock_timestamp()
     ORDER BY p.first
     LIMIT 1
), ending AS (
    SELECT r.sequence, r.hash
      FROM oldest o
     CROSS JOIN LATERAL (
               SELECT r.sequence, r.hash
                 FROM vpd_private.audit_record r
                WHERE r.recorded_at >= o.first AT TIME ZONE 'UTC'
                  AND r.recorded_at < (o.first + interval '1 month') AT TIME ZONE 'UTC'
                ORDER BY r.sequence DESC
                LIMIT 1
           ) r
)
SELECT e.sequence,
       e.hash,
       ARRAY[
           'LOCK TABLE vpd_private.audit_record, vpd_private.audit_person IN ACCESS EXCLUSIVE MODE NOWAIT',
           format('ALTER EXTENSION pg_vpd DROP TABLE vpd_private.%I', o.record),
           format('DROP TABLE vpd_private.%I', o.record),
           format('ALTER EXTENSION pg_vpd DROP TABLE vpd_private.%I', o.person),
           format('DROP TABLE vpd_private.%I', o.person)
       ]
  FROM oldest o
  LEFT JOIN ending e ON true;
