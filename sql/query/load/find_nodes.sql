SELECT w.place
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (hierarchy, node, place)
  JOIN vpd_private.hierarchy_node n ON n.hierarchy = w.hierarchy AND n.key = w.node;
