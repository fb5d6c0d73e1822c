-- What is seen of the nodes changed, of one hierarchy or of all.
UPDATE vpd_private.hierarchy
   SET access_version = nextval('vpd_private.hierarchy_version_seq')
 WHERE $1 IS NULL
    OR name = $1;
