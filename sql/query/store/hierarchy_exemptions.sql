-- Applications that hierarchies do not filter.
SELECT jsonb_build_object('app', e.app, 'hierarchy', e.hierarchy, 'reason', e.reason)
  FROM vpd_private.hierarchy_exemption e
 WHERE e.revoked_at IS NULL
 ORDER BY e.app COLLATE "C", e.hierarchy COLLATE "C" NULLS FIRST;
