-- Nodes stay on their levels: $2 the places that levels had, $3 those they have now.
UPDATE vpd_private.hierarchy_node n
   SET depth = m.after::smallint
  FROM unnest($2::integer[], $3::integer[]) AS m (before, after)
 WHERE n.hierarchy = $1
   AND n.depth = m.before
   AND m.before <> m.after;
