-- Whether the policy of the name is one of ours, and the attributes it is associated with.
SELECT EXISTS (
           SELECT
             FROM vpd_private.hierarchy_protection h
            WHERE h.relation = p.relation
              AND h.policy_name = p.policy_name
       ),
       coalesce(p.associations, '{}')
  FROM vpd_private.policy p
 WHERE p.relation = $1
   AND p.policy_name = $2;
