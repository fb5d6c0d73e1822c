-- Writes down the partitions and children there are.
WITH RECURSIVE root AS (
    SELECT t.relation::oid AS relation FROM vpd_private.tracked_table t
    UNION
    SELECT p.relation::oid FROM vpd_private.protected_action p
), family AS (
    SELECT r.relation AS member, r.relation AS root FROM root r
    UNION
    SELECT i.inhrelid, f.root FROM family f JOIN pg_inherits i ON i.inhparent = f.member
), member AS (
    SELECT DISTINCT ON (f.member) f.member::regclass AS relation, f.root::regclass AS root
      FROM family f
     WHERE f.member <> f.root
     ORDER BY f.member, f.root
), gone AS (
    DELETE FROM vpd_private.audited_member m WHERE m.relation NOT IN (SELECT n.relation FROM member n)
)
INSERT INTO vpd_private.audited_member (relation, root)
SELECT n.relation, n.root FROM member n
    ON CONFLICT (relation) DO UPDATE SET root = excluded.root WHERE audited_member.root <> excluded.root;
