-- Tables that were partitions or children of one with audit columns or protected actions and are not any more, with that table; not what hangs below them.
WITH RECURSIVE root AS (
    SELECT t.relation::oid AS relation FROM vpd_private.tracked_table t
    UNION
    SELECT p.relation::oid FROM vpd_private.protected_action p
), family AS (
    SELECT r.relation AS member FROM root r
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
), gone AS (
    SELECT m.relation::oid AS relation, m.root::oid AS root
      FROM vpd_private.audited_member m
      JOIN pg_class c ON c.oid = m.relation
     WHERE m.relation NOT IN (SELECT f.member FROM family f)
)
SELECT g.relation, g.root
  FROM gone g
 WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = g.relation AND i.inhparent IN (SELECT o.relation FROM gone o));
