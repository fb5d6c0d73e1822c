-- Whether a protected action looks at the maker in the audit columns of a table, or needs them to follow rows to other partitions.
SELECT FROM vpd_private.protected_action p WHERE p.relation = $1::regclass
   AND (p.maker_column IS NOT NULL OR EXISTS (SELECT FROM pg_class c WHERE c.oid = $1 AND c.relkind = 'p'))
 LIMIT 1;
