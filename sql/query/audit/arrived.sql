-- Partitions and children that were none when tables were changed last: the table whose definitions each follows; whether its rows have audit columns
-- that were kept in the same way; whether it may have rows; whether it came by the command that runs; its name. Not what hangs below them.
WITH RECURSIVE root AS (
    SELECT t.relation::oid AS relation FROM vpd_private.tracked_table t
    UNION
    SELECT p.relation::oid FROM vpd_private.protected_action p
), family AS (
    SELECT r.relation AS member, r.relation AS root, NULL::oid AS parent
      FROM root r
     WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = r.relation)
    UNION
    SELECT i.inhrelid, f.root, f.member FROM family f JOIN pg_inherits i ON i.inhparent = f.member
), fresh AS (
    SELECT f.member, f.root, f.parent
      FROM family f
     WHERE f.parent IS NOT NULL
       AND NOT EXISTS (SELECT FROM vpd_private.audited_member m WHERE m.relation = f.member::regclass)
), below AS (
    SELECT f.member AS top, f.member FROM fresh f
    UNION
    SELECT b.top, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.member
)
SELECT f.member,
       f.root,
       EXISTS (
           SELECT
             FROM vpd_private.tracked_table own
             JOIN vpd_private.tracked_table t ON t.identity = own.identity AND t.relation = f.root::regclass
            WHERE own.relation = f.member::regclass
              AND (SELECT array_agg(c.purpose || ' ' || c.column_name ORDER BY c.purpose) FROM vpd_private.tracked_column c WHERE c.relation = own.relation)
                = (SELECT array_agg(c.purpose || ' ' || c.column_name ORDER BY c.purpose) FROM vpd_private.tracked_column c WHERE c.relation = t.relation)
       ),
       EXISTS (SELECT FROM below b WHERE b.top = f.member AND pg_relation_size(b.member) > 0),
       EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.objid IN (f.member, f.parent)),
       format('%I.%I', n.nspname, c.relname)
  FROM fresh f
  JOIN pg_class c ON c.oid = f.member
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT EXISTS (SELECT FROM fresh o WHERE o.member = f.parent);
