SELECT
  FROM vpd_private.hierarchy_exemption e
 WHERE e.app = $2
   AND (e.hierarchy IS NULL OR e.hierarchy = $1)
   AND e.revoked_at IS NULL;
