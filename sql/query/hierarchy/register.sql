WITH former AS (
    DELETE FROM vpd_private.hierarchy_protection h
     WHERE h.relation = $1
       AND h.policy_name = $2
       AND (h.hierarchy, h.column_name) NOT IN (SELECT p.hierarchy, p.column_name FROM unnest($3::text[], $4::text[]) AS p (hierarchy, column_name))
)
INSERT INTO vpd_private.hierarchy_protection (relation, policy_name, hierarchy, column_name)
SELECT $1, $2, p.hierarchy, p.column_name
  FROM unnest($3, $4) AS p (hierarchy, column_name)
    ON CONFLICT DO NOTHING;
