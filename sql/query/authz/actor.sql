-- A session that acts for another: who it is and what its login brought.
SELECT s.user_name,
       s.roles,
       s.privileges,
       s.assumed_role,
       s.actor_session_id,
       s.acts_fully,
       s.claimed_groups
  FROM vpd_private.session s
 WHERE s.id = $1
   AND s.ended_at IS NULL;
