-- How the user of a session ($1) was authenticated, when, and whether the session, or one that it acts through, runs with one role alone.
WITH RECURSIVE line (id, actor_session_id, assumed_role) AS (
    SELECT s.id, s.actor_session_id, s.assumed_role
      FROM vpd_private.session s
     WHERE s.id = $1
    UNION
    SELECT s.id, s.actor_session_id, s.assumed_role
      FROM line
      JOIN vpd_private.session s ON s.id = line.actor_session_id
)
SELECT s.acr,
       s.auth_time,
       EXISTS (SELECT FROM line WHERE line.assumed_role IS NOT NULL)
  FROM vpd_private.session s
 WHERE s.id = $1;
