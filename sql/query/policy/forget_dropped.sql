-- Policies, masks and audit policies of tables that no longer exist, so that a new table can never inherit them with a reused OID. Each is looked up: no
-- catalogue is gone through.
WITH dropped AS (
    DELETE FROM vpd_private.protected_table t
     WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = t.relation) IS NULL
    RETURNING t.relation
), dropped_group AS (
    DELETE FROM vpd_private.policy_group g
     WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = g.relation) IS NULL
), dropped_context AS (
    DELETE FROM vpd_private.driving_context d
     WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = d.relation) IS NULL
), dropped_version AS (
    DELETE FROM vpd_private.policy_version v
     WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = v.relation) IS NULL
), dropped_shadow AS (
    DELETE FROM vpd_private.policy_shadow s
     WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = s.relation) IS NULL
), unaudited AS (
    DELETE FROM vpd_private.audit_policy a
     WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = a.relation) IS NULL
), unmasked AS (
    DELETE FROM vpd_private.mask m
     WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = m.relation) IS NULL
    RETURNING m.relation
)
DELETE FROM vpd_private.policy p
 WHERE (SELECT c.oid FROM pg_class c WHERE c.oid = p.relation) IS NULL;
