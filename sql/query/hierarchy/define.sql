INSERT INTO vpd_private.hierarchy AS h (name, description) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET description = coalesce(EXCLUDED.description, h.description);
