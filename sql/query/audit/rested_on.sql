-- Whether a protected action looks at the maker in the audit columns of a table.
SELECT FROM vpd_private.protected_action p WHERE p.relation = $1::regclass AND p.maker_column IS NOT NULL LIMIT 1;
