-- The values of a table ($1) are about the persons that its rows name.
UPDATE vpd_private.person_column p
   SET moving = array_remove(p.moving, $1::oid::regclass)
 WHERE $1::oid::regclass = ANY (p.moving);
