-- Whether a table ($1) protects an action ($2) by another maker ($3), column ($4), value ($5) or key ($6).
SELECT
  FROM vpd_private.protected_action p
 WHERE p.relation = $1::regclass
   AND p.action = $2
   AND (p.maker_column, p.column_number, p.value, p.key_numbers) IS DISTINCT FROM ($3::text, $4::smallint, $5::text, $6::smallint[]);
