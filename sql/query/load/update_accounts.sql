-- What a file says of users there are. $9 tells which columns the file has, in the order of its list: 3 display_name, 4 unit, 5 manager,
-- 7 is_test; the attributes named in $8 are replaced. What rules read of a user before is kept. Returns whose account was added or changed.
WITH line AS (
    SELECT *
      FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[]::jsonb[], $5::text[], $6::integer[], $7::boolean[])
           AS l (user_id, source, display_name, attributes, unit, manager_id, is_test)
), wanted AS (
    SELECT l.user_id,
           l.source,
           CASE WHEN ($9::boolean[])[3] THEN l.display_name ELSE u.display_name END AS display_name,
           (coalesce(u.attributes, '{}') - $8::text[]) || l.attributes AS attributes,
           CASE WHEN ($9)[4] THEN l.unit ELSE u.unit END AS unit,
           CASE WHEN ($9)[5] THEN l.manager_id ELSE u.manager_id END AS manager_id,
           CASE WHEN ($9)[7] THEN l.is_test ELSE coalesce(u.is_test, false) END AS is_test,
           u AS former
      FROM line l
      LEFT JOIN vpd_private.user_account u ON u.user_id = l.user_id AND u.source = l.source
), written AS (
    INSERT INTO vpd_private.user_account AS u (user_id, source, display_name, attributes, unit, manager_id, is_test)
    SELECT w.user_id, w.source, w.display_name, w.attributes, w.unit, w.manager_id, w.is_test
      FROM wanted w
     WHERE ((w.former).display_name, (w.former).attributes, (w.former).unit, (w.former).manager_id, (w.former).is_test)
           IS DISTINCT FROM (w.display_name, w.attributes, w.unit, w.manager_id, w.is_test)
        ON CONFLICT (user_id, source) DO UPDATE
       SET display_name = excluded.display_name,
           attributes = excluded.attributes,
           unit = excluded.unit,
           manager_id = excluded.manager_id,
           is_test = excluded.is_test
    RETURNING u.user_id, u.source, u.attributes, u.unit
), kept AS (
    -- Reads what was there before this statement.
    INSERT INTO vpd_private.user_history (user_id, document)
    SELECT DISTINCT ON (d.user_id) d.user_id, d.document
      FROM written w
      LEFT JOIN vpd_private.user_account u ON u.user_id = w.user_id AND u.source = w.source
      JOIN vpd_private.user_document d ON d.user_id = w.user_id
     WHERE (u.attributes, u.unit) IS DISTINCT FROM (w.attributes, w.unit)
)
SELECT user_id, source FROM written;
