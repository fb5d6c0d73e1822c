-- Every hierarchy as it is now; what a backend keeps of it is good for these versions only.
SELECT h.name,
       h.mode = 'open',
       EXISTS (
           SELECT
             FROM vpd_private.hierarchy_exemption e
            WHERE e.revoked_at IS NULL
              AND (e.hierarchy IS NULL OR e.hierarchy = h.name)
       ),
       h.version,
       h.access_version
  FROM vpd_private.hierarchy h;
