-- Code of roles that are no superusers, where the server runs it over stored rows without asking a policy.

CREATE VIEW vpd_private.plain_code AS
    WITH RECURSIVE plain AS (
        SELECT 'pg_proc'::regclass::oid AS catalogue, p.oid AS object
          FROM pg_proc p
          JOIN pg_authid r ON r.oid = p.proowner AND NOT r.rolsuper
        UNION
        SELECT 'pg_type'::regclass::oid, t.oid
          FROM pg_type t
          JOIN pg_authid r ON r.oid = t.typowner AND NOT r.rolsuper
         WHERE t.typtype = 'd'
        UNION
        SELECT n.catalogue, n.object
          FROM plain c
         CROSS JOIN LATERAL (
                   SELECT d.classid, d.objid
                     FROM pg_depend d
                    WHERE d.refclassid = c.catalogue
                      AND d.refobjid = c.object
                      AND d.classid IN ('pg_operator'::regclass, 'pg_constraint'::regclass)
                   UNION ALL
                   SELECT 'pg_type'::regclass, k.contypid
                     FROM pg_constraint k
                    WHERE c.catalogue = 'pg_constraint'::regclass
                      AND k.oid = c.object
                      AND k.contypid <> 0
                   UNION ALL
                   SELECT 'pg_type'::regclass, t.oid
                     FROM pg_type t
                    WHERE c.catalogue = 'pg_type'::regclass
                      AND t.typbasetype = c.object
               ) AS n (catalogue, object)
    )
    SELECT catalogue, object FROM plain;
COMMENT ON VIEW vpd_private.plain_code IS
'Functions and domains that belong to no superuser, and operators, constraints and domains that call them: whoever owns them chooses what they do with values.';
COMMENT ON COLUMN vpd_private.plain_code.catalogue IS 'The catalogue that the object is in, such as pg_proc.';
COMMENT ON COLUMN vpd_private.plain_code.object IS 'The function, operator, constraint or domain.';

CREATE VIEW vpd_private.plain_partition_key AS
    SELECT k.partrelid AS relation
      FROM pg_partitioned_table k
     WHERE EXISTS (
               SELECT
                 FROM pg_depend d
                 JOIN vpd_private.plain_code p ON p.catalogue = d.refclassid AND p.object = d.refobjid
                WHERE k.partexprs IS NOT NULL
                  AND d.classid = 'pg_class'::regclass
                  AND d.objid = k.partrelid
                  AND d.objsubid = 0
           )
        OR EXISTS (
               SELECT
                 FROM unnest(k.partclass::oid[]) AS u (oid)
                 JOIN pg_opclass o ON o.oid = u.oid AND o.oid >= 16384
                 JOIN pg_authid r ON r.oid = o.opcowner
                WHERE NOT r.rolsuper
                   OR EXISTS (
                          SELECT
                            FROM pg_amproc f
                            JOIN vpd_private.plain_code p ON p.catalogue = 'pg_proc'::regclass AND p.object = f.amproc
                           WHERE f.amprocfamily = o.opcfamily
                      )
                   OR EXISTS (
                          SELECT
                            FROM pg_amop f
                            JOIN vpd_private.plain_code p ON p.catalogue = 'pg_operator'::regclass AND p.object = f.amopopr
                           WHERE f.amopfamily = o.opcfamily
                      )
           );
COMMENT ON VIEW vpd_private.plain_partition_key IS
'Partitioned tables whose key calls code of a role that is no superuser. The server evaluates it over stored rows when a part is attached, or made beside a default part.';
COMMENT ON COLUMN vpd_private.plain_partition_key.relation IS 'The partitioned table.';

CREATE VIEW vpd_private.plain_type AS
    WITH RECURSIVE plain AS (
        SELECT r.rngtypid AS type, r.rngtypid AS range
          FROM pg_range r
          JOIN pg_proc p ON p.oid IN (r.rngsubdiff, r.rngcanonical)
          JOIN pg_authid o ON o.oid = p.proowner AND NOT o.rolsuper
        UNION
        SELECT u.type, s.range
          FROM plain s
         CROSS JOIN LATERAL (
                   SELECT t.oid FROM pg_type t WHERE t.typelem = s.type OR t.typbasetype = s.type
                   UNION ALL
                   SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.atttypid = s.type AND NOT a.attisdropped AND c.reltype <> 0
                   UNION ALL
                   SELECT r.rngtypid FROM pg_range r WHERE r.rngsubtype = s.type
                   UNION ALL
                   SELECT r.rngmultitypid FROM pg_range r WHERE r.rngtypid = s.type
               ) AS u (type)
    )
    SELECT type, range FROM plain;
COMMENT ON VIEW vpd_private.plain_type IS
'Types of range whose difference or canonical form is made by a function of a role that is no superuser, and types with one inside. ANALYZE and indexes hand stored values to it.';
COMMENT ON COLUMN vpd_private.plain_type.type IS 'The type of range, or one that has it inside.';
COMMENT ON COLUMN vpd_private.plain_type.range IS 'The type of range.';
