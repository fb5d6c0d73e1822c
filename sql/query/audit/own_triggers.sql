-- Commands that take a trigger from a table and its children. $2: whether it is that of tracking.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
)
SELECT format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname)
  FROM family f
  JOIN pg_trigger t ON t.tgrelid = f.member AND t.tgparentid = 0
  JOIN pg_class c ON c.oid = f.member
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.tgfoid = CASE
           WHEN $2 THEN 'vpd_private.track_changes()'::regprocedure
           ELSE 'vpd_private.protect_action()'::regprocedure
       END;
