-- The only statement by which a session comes out of a session. The new one lies below it, and inherits every column that is not named here: a limit that
-- sessions get one day is inherited as well.
-- $1 the session, $2 application, $3 its era, $4 the user it is on behalf of, $5 whether with all that he has, $6 his attributes, $7 another audit identity. Returns the id of the new one;
-- no row when the session or the application is gone.
INSERT INTO vpd_private.session
SELECT made.*
  FROM vpd_private.session source
  JOIN vpd_private.app a ON a.name = $2
 CROSS JOIN (SELECT clock_timestamp() AS now) moment
 CROSS JOIN LATERAL jsonb_populate_record(
       source,
       jsonb_build_object(
           'id', gen_random_uuid(),
           'parent_id', source.id,
           'pillar', a.pillar,
           'app', a.name,
           'made_in', $3::bigint,
           -- What the login brought goes over to nobody.
           'roles', '[]'::jsonb,
           'privileges', '[]'::jsonb,
           'claimed_groups', '[]'::jsonb,
           -- Whoever distrusts it ends the session above.
           'issuer', NULL,
           'attributes', $6::jsonb,
           'created_at', moment.now,
           'last_access_at', moment.now
       ) || CASE
           WHEN $4::text IS NULL THEN '{}'
           ELSE jsonb_build_object(
               'user_name', $4,
               'audit_identity', coalesce($7::text, $4),
               'actors', to_jsonb(source.user_name || source.actors),
               -- Its limits, the one role it runs with among them, are asked of that session itself.
               'actor_session_id', source.id,
               'assumed_role', NULL,
               'acts_fully', $5::boolean
           )
       END
   ) made
 WHERE source.id = $1
RETURNING id;
