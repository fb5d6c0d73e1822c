-- Removes what was flattened and is of no use: from an earlier version of the graph, past its time, or of a session that is gone.
-- Looks at as many as $1 from a random place on, and from the beginning when it comes to the end. Passes over rows that somebody else holds.
WITH place AS (
    SELECT gen_random_uuid() AS id
), stretch AS (
    (
        SELECT a.ctid AS row_place, a.session_id, a.version, a.valid_until
          FROM vpd_private.session_authority a
         WHERE a.session_id >= (SELECT place.id FROM place)
         ORDER BY a.session_id
         LIMIT $1
    )
    UNION ALL
    (
        SELECT a.ctid, a.session_id, a.version, a.valid_until
          FROM vpd_private.session_authority a
         WHERE a.session_id < (SELECT place.id FROM place)
         ORDER BY a.session_id
         LIMIT $1
    )
    LIMIT $1
), useless AS (
    SELECT stretch.row_place
      FROM stretch
     WHERE stretch.version < (SELECT v.version FROM vpd_private.authority_version v)
        OR stretch.valid_until <= clock_timestamp()
    UNION ALL
    SELECT stretch.row_place
      FROM stretch
     WHERE NOT EXISTS (SELECT FROM vpd_private.session s WHERE s.id = stretch.session_id)
)
DELETE FROM vpd_private.session_authority
 WHERE ctid = ANY (ARRAY(
       SELECT a.ctid
         FROM vpd_private.session_authority a
        WHERE a.ctid = ANY (ARRAY(SELECT useless.row_place FROM useless))
          FOR UPDATE OF a SKIP LOCKED
   ));
