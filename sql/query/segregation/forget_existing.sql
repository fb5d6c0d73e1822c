-- Accepted conflicts that are no more. $1 the users and $5 the rules looked at (NULL: all); those that stand: $2 rules, $3 users, $4 items as texts of arrays.
DELETE FROM vpd_private.sod_existing x
 WHERE ($1::integer[] IS NULL OR x.user_id = ANY ($1))
   AND ($5::integer[] IS NULL OR x.rule_id = ANY ($5))
   AND NOT EXISTS (
       SELECT
         FROM unnest($2::integer[], $3::integer[], $4::text[]) AS s (rule_id, user_id, items)
        WHERE s.rule_id = x.rule_id
          AND s.user_id = x.user_id
          AND x.items <@ s.items::integer[]
   );
