-- Changes what is given of an issuer's registration.
UPDATE vpd_private.issuer i
   SET audiences = coalesce($2, i.audiences),
       apps = coalesce($3, i.apps),
       kind = coalesce($4, i.kind),
       algorithms = coalesce($5, i.algorithms),
       clock_skew = coalesce($6, i.clock_skew),
       max_age = coalesce($7, i.max_age),
       key_grace = coalesce($8, i.key_grace),
       required_claims = coalesce($9, i.required_claims),
       user_claim = coalesce($10, i.user_claim),
       user_prefix = coalesce($11, i.user_prefix),
       roles_claim = coalesce($12, i.roles_claim),
       groups_claim = coalesce($13, i.groups_claim),
       attribute_claims = coalesce($14, i.attribute_claims),
       trusted_by = $15,
       trusted_at = clock_timestamp()
 WHERE i.issuer = $1;
