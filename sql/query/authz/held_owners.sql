-- Whom the grants belong to that a node ($1) has now or later, and the nodes of hierarchies of a data group.
SELECT g.seeded_by
  FROM vpd_private.authority_grant g
 WHERE g.holder_id = $1
   AND g.valid_until > clock_timestamp()
   AND g.seeded_by IS NOT NULL
UNION
SELECT n.seeded_by
  FROM vpd_private.data_group_node n
 WHERE n.data_group_id = $1
   AND n.valid_until > clock_timestamp()
   AND n.seeded_by IS NOT NULL;
