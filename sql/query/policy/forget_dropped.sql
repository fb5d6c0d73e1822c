-- Policies and masks of tables that no longer exist, so that a new table can never inherit them with a reused OID.
WITH dropped AS (
    DELETE FROM vpd_private.protected_table t
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation)
    RETURNING t.relation
), dropped_group AS (
    DELETE FROM vpd_private.policy_group g
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = g.relation)
), dropped_context AS (
    DELETE FROM vpd_private.driving_context d
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.relation)
), dropped_version AS (
    DELETE FROM vpd_private.policy_version v
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = v.relation)
), dropped_shadow AS (
    DELETE FROM vpd_private.policy_shadow s
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relation)
), unmasked AS (
    DELETE FROM vpd_private.mask m
     WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = m.relation)
    RETURNING m.relation
)
DELETE FROM vpd_private.policy p
 WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation);
