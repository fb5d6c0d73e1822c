-- Driving contexts as definitions. Names of a declared context are compared without regard to case: two that were there before it are one.
SELECT DISTINCT
       jsonb_build_object('relation', t.relation, 'namespace', t.namespace, 'attribute', t.attribute),
       t.relation COLLATE "C",
       t.namespace COLLATE "C",
       t.attribute COLLATE "C"
  FROM (
       SELECT format('%I.%I', n.nspname, c.relname) AS relation,
              coalesce(a.namespace, d.namespace) AS namespace,
              CASE WHEN a.namespace IS NULL THEN d.attribute ELSE upper(d.attribute) END AS attribute
         FROM vpd_private.driving_context d
         LEFT JOIN vpd_private.application_context a ON a.namespace = upper(d.namespace)
         JOIN pg_class c ON c.oid = d.relation
         JOIN pg_namespace n ON n.oid = c.relnamespace
       ) t
 ORDER BY 2, 3, 4;
