-- Whether the table has a policy of the name, and whether it is one of ours.
SELECT EXISTS (
           SELECT
             FROM vpd_private.hierarchy_protection h
            WHERE h.relation = p.relation
              AND h.policy_name = p.policy_name
       )
  FROM vpd_private.policy p
 WHERE p.relation = $1
   AND p.policy_name = $2;
