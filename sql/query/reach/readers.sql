-- Views and tables with rules that a role owns.
SELECT DISTINCT w.ev_class
  FROM pg_rewrite w
  JOIN pg_class c ON c.oid = w.ev_class
 WHERE c.relowner = $1
   AND c.oid >= 16384;
