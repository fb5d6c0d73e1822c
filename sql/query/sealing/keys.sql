-- Every key, with the version that seals.
SELECT k.key_number,
       k.name,
       k.is_searchable,
       k.is_per_person,
       k.privilege,
       k.hidden_as,
       k.mask,
       k.destroyed_at IS NOT NULL,
       COALESCE((SELECT max(v.version) FROM vpd_private.sealing_key_version v WHERE v.key_number = k.key_number), 0)
  FROM vpd_private.sealing_key k;
