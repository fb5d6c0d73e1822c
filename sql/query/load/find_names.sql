SELECT n.place,
       a.id,
       a.seeded_by
  FROM unnest($2::text[]) WITH ORDINALITY AS n (name, place)
  JOIN vpd_private.authority a ON a.kind = $1 AND a.name = n.name AND a.dropped_at IS NULL;
