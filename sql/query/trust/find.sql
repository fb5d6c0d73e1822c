-- What an issuer ($1) is trusted with, lengths of time in seconds, and its key of an identifier ($2), if it is accepted now.
SELECT i.audiences,
       i.apps,
       i.kind,
       i.algorithms,
       extract(epoch FROM i.clock_skew)::float8,
       extract(epoch FROM i.max_age)::float8,
       extract(epoch FROM i.key_grace)::float8,
       i.required_claims,
       i.user_claim,
       i.user_prefix,
       i.roles_claim,
       i.groups_claim,
       i.attribute_claims,
       k.key
  FROM vpd_private.issuer i
  LEFT JOIN vpd_private.issuer_key k
    ON k.issuer = i.issuer
   AND k.kid = $2
   AND (k.retired_at IS NULL OR clock_timestamp() < k.retired_at + i.key_grace)
 WHERE i.issuer = $1;
