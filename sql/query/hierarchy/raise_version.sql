-- The nodes changed, of one hierarchy or of all.
UPDATE vpd_private.hierarchy
   SET version = nextval('vpd_private.hierarchy_version_seq')
 WHERE $1 IS NULL
    OR name = $1;
