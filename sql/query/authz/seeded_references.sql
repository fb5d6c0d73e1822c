-- Owners of what refers to a node: of grants of it and to it, of its nodes of hierarchies, and of rules it is an item of.
SELECT g.seeded_by
  FROM vpd_private.authority_grant g
 WHERE (g.holder_id = $1 OR g.granted_id = $1)
   AND g.valid_until > clock_timestamp()
   AND g.seeded_by IS NOT NULL
UNION
SELECT n.seeded_by
  FROM vpd_private.data_group_node n
 WHERE n.data_group_id = $1
   AND n.valid_until > clock_timestamp()
   AND n.seeded_by IS NOT NULL
UNION
SELECT r.seeded_by
  FROM vpd_private.sod_rule_item i
  JOIN vpd_private.sod_rule r ON r.id = i.rule_id
 WHERE i.authority_id = $1
   AND r.seeded_by IS NOT NULL;
