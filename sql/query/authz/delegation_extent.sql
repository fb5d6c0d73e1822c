-- Whether an actor may act for a user now: with full authority, and until when the answer holds. No row: he may not by a delegation.
-- $1 actor, $2 his roles, $3 user, $4 his roles. A role that is not administered here, such as a claim that stands for itself, is in no delegation.
WITH administered AS (
    SELECT a.name, 'role:' || a.name AS reference
      FROM vpd_private.authority a
     WHERE a.kind = 'role'
       AND a.name = ANY ($2::text[] || $4::text[])
       AND a.dropped_at IS NULL
       AND a.is_enabled
), role AS (
    SELECT a.reference,
           a.name IN (SELECT unnest($2)) AS is_of_actor,
           a.name IN (SELECT unnest($4)) AS is_of_user
      FROM administered a
)
SELECT bool_or(d.with_full_authority),
       min(d.valid_until)
  FROM vpd_private.delegation d
 WHERE d.actor = ANY (ARRAY(SELECT 'user:' || $1 UNION ALL SELECT role.reference FROM role WHERE role.is_of_actor))
   AND (d.subject IS NULL OR d.subject = 'user:' || $3 OR d.subject IN (SELECT role.reference FROM role WHERE role.is_of_user))
   AND d.valid_from <= clock_timestamp()
   AND clock_timestamp() < d.valid_until
HAVING count(*) > 0;
