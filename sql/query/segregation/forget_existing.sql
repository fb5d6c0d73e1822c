-- Accepted conflicts that are no more. $1 the users looked at (NULL: all), $2 those that stand, as rule and user.
DELETE FROM vpd_private.sod_existing x
 WHERE ($1::integer[] IS NULL OR x.user_id = ANY ($1))
   AND x.rule_id || ' ' || x.user_id <> ALL ($2);
