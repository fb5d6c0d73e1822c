INSERT INTO vpd_private.data_role_template (name, base_role, hierarchy, level, name_pattern)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (name) DO UPDATE
   SET base_role = excluded.base_role,
       hierarchy = excluded.hierarchy,
       level = excluded.level,
       name_pattern = excluded.name_pattern;
