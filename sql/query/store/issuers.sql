-- Identity providers as definitions; lengths of time in seconds.
SELECT jsonb_build_object(
           'issuer', i.issuer,
           'audiences', i.audiences,
           'apps', i.apps,
           'kind', i.kind,
           'algorithms', i.algorithms,
           'clock_skew', extract(epoch FROM i.clock_skew),
           'max_age', extract(epoch FROM i.max_age),
           'key_grace', extract(epoch FROM i.key_grace),
           'required_claims', i.required_claims,
           'user_claim', i.user_claim,
           'user_prefix', i.user_prefix,
           'roles_claim', i.roles_claim,
           'groups_claim', i.groups_claim,
           'attribute_claims', i.attribute_claims
       )
  FROM vpd_private.issuer i
 ORDER BY i.issuer COLLATE "C";
