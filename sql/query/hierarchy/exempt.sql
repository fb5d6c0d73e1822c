INSERT INTO vpd_private.hierarchy_exemption (app, hierarchy, reason, granted_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING;
