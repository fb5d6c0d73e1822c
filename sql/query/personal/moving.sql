-- The members of a table ($1) whose values may be about the persons of before, until they are sealed anew.
SELECT c.oid
  FROM vpd_private.person_column p
 CROSS JOIN unnest(p.moving) AS m (relation)
  JOIN pg_class c ON c.oid = m.relation
 WHERE p.relation = $1::oid::regclass
 ORDER BY c.oid;
