-- NULL leaves a property as it is.
UPDATE vpd_private.mask
   SET mask = coalesce($3, mask),
       visible_when = coalesce($4, visible_when),
       is_enabled = coalesce($5, is_enabled),
       altered_at = clock_timestamp()
 WHERE relation = $1::regclass
   AND column_name = $2;
