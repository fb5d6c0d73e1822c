INSERT INTO vpd_private.own_issuer (issuer, set_by)
VALUES ($1, $2)
    ON CONFLICT (is_only) DO UPDATE
   SET issuer = excluded.issuer,
       set_by = excluded.set_by,
       set_at = clock_timestamp();
