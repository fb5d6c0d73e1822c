-- Registers an issuer, or changes all of its registration.
INSERT INTO vpd_private.issuer AS i
       (issuer, audiences, apps, kind, algorithms, clock_skew, max_age, key_grace, required_claims, user_claim, user_prefix, roles_claim, groups_claim,
        attribute_claims, trusted_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    ON CONFLICT (issuer) DO UPDATE
   SET audiences = excluded.audiences,
       apps = excluded.apps,
       kind = excluded.kind,
       algorithms = excluded.algorithms,
       clock_skew = excluded.clock_skew,
       max_age = excluded.max_age,
       key_grace = excluded.key_grace,
       required_claims = excluded.required_claims,
       user_claim = excluded.user_claim,
       user_prefix = excluded.user_prefix,
       roles_claim = excluded.roles_claim,
       groups_claim = excluded.groups_claim,
       attribute_claims = excluded.attribute_claims,
       trusted_by = excluded.trusted_by,
       trusted_at = clock_timestamp()
 WHERE (i.audiences, i.apps, i.kind, i.algorithms, i.clock_skew, i.max_age, i.key_grace, i.required_claims, i.user_claim, i.user_prefix, i.roles_claim,
        i.groups_claim, i.attribute_claims)
       IS DISTINCT FROM
       (excluded.audiences, excluded.apps, excluded.kind, excluded.algorithms, excluded.clock_skew, excluded.max_age, excluded.key_grace,
        excluded.required_claims, excluded.user_claim, excluded.user_prefix, excluded.roles_claim, excluded.groups_claim, excluded.attribute_claims);
