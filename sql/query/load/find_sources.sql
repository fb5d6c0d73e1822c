SELECT s.name FROM unnest($1::text[]) AS n (name) JOIN vpd_private.identity_source s ON s.name = n.name;
