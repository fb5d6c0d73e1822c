-- Column masks. Where a session may not see a column of a row, every statement works with the mask instead of the value. The library
-- puts the masks into a statement when it is planned; the tables hold the true values.

CREATE TABLE vpd_private.mask (
    relation regclass NOT NULL,
    column_name text NOT NULL,
    column_number smallint NOT NULL,
    mask text NOT NULL,
    visible_when text NOT NULL,
    is_enabled boolean NOT NULL,
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    altered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (relation, column_name)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.mask IS 'Column masks.';
COMMENT ON COLUMN vpd_private.mask.relation IS 'Table of the column.';
COMMENT ON COLUMN vpd_private.mask.column_name IS 'The column; follows when the column is renamed.';
COMMENT ON COLUMN vpd_private.mask.column_number IS 'Number of the column, by which a renamed one is found.';
COMMENT ON COLUMN vpd_private.mask.mask IS 'One expression over the table''s columns: what is shown instead of the value.';
COMMENT ON COLUMN vpd_private.mask.visible_when IS 'Predicate: the value of a row is shown where it is true.';
COMMENT ON COLUMN vpd_private.mask.is_enabled IS 'A disabled mask hides nothing.';
COMMENT ON COLUMN vpd_private.mask.created_by IS 'Role that added it.';
COMMENT ON COLUMN vpd_private.mask.created_at IS 'When it was added.';
COMMENT ON COLUMN vpd_private.mask.altered_at IS 'When it was last changed.';
SELECT pg_extension_config_dump('vpd_private.mask', '');

CREATE TABLE vpd_private.mask_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    secret bytea NOT NULL CHECK (length(secret) = 32)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.mask_key IS 'Secret of vpd.mask_hash in this database. Not dumped: a restored database gets its own, and so other hashes, as does one that is made from this one as a template.';
COMMENT ON COLUMN vpd_private.mask_key.is_only IS 'There is one row.';
COMMENT ON COLUMN vpd_private.mask_key.secret IS '256 random bits.';
INSERT INTO vpd_private.mask_key (secret)
    VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

CREATE FUNCTION vpd_private.mask_marker() RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_marker_wrapper';
COMMENT ON FUNCTION vpd_private.mask_marker IS
'Always true. Plans that were made for what one session may see of a masked column depend on it, so that exactly those are made
again when another session sees something else.';

CREATE FUNCTION vpd_private.mask_violated(relation regclass, column_name text) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mask_violated_wrapper';
COMMENT ON FUNCTION vpd_private.mask_violated IS
'Raises 42501 column_masked: a statement assigns to a column whose value the session may not see in that row. Called from statements
that the library rewrote.';

CREATE FUNCTION vpd.add_mask(
    relation regclass,
    column_name text,
    mask text DEFAULT 'NULL',
    visible_when text DEFAULT 'false',
    enabled boolean DEFAULT true
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'add_mask_wrapper';
COMMENT ON FUNCTION vpd.add_mask IS
'Masks a column of a table and, with the first mask or policy, protects the table: row security is enabled and forced, and without a
session no row is visible. Arguments: mask, one expression over the table''s columns that can be assigned to the column, such as NULL,
a constant, or one of vpd.mask_partial, mask_hash, mask_year, mask_bucket; visible_when, one boolean expression over the table''s
columns: where it is not true the mask stands for the value, in every clause of every statement. Each at most 64 KiB; names are
resolved in pg_catalog: qualify your own functions and tables. Errors: 42601 or 22023 predicate_invalid (ORA-28113) or mask_invalid,
42804 mask_type, 42704 column_not_found, 42710 mask_exists, 42809 not a table or a partition, 22023 argument_invalid.';

CREATE FUNCTION vpd.alter_mask(
    relation regclass,
    column_name text,
    mask text DEFAULT NULL,
    visible_when text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'alter_mask_wrapper';
COMMENT ON FUNCTION vpd.alter_mask IS
'Changes a mask; NULL leaves a property as it is. Takes effect in every backend when it commits. Errors: as add_mask, and 42704 mask_not_found.';

CREATE FUNCTION vpd.enable_mask(relation regclass, column_name text, enabled boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'enable_mask_wrapper';
COMMENT ON FUNCTION vpd.enable_mask IS
'Enables or disables a mask. A table whose masks are disabled shows its values, to whoever has a session. Errors: 42704 mask_not_found.';

CREATE FUNCTION vpd.drop_mask(relation regclass, column_name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_mask_wrapper';
COMMENT ON FUNCTION vpd.drop_mask IS
'Drops a mask. With the last mask and policy the table gets back the row security settings it had before the first. Errors: 42704 mask_not_found.';

CREATE FUNCTION vpd.is_masked(relation regclass, column_name text) RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'is_masked_wrapper';
COMMENT ON FUNCTION vpd.is_masked IS
'Whether the current session gets the mask of a column: true, in every row (and always without a session); false, in none; NULL, it
depends on the row. False for roles to which row security does not apply. Errors: 42704 relation_not_found, column_not_found.';

CREATE FUNCTION vpd.mask_partial(value text, keep integer DEFAULT 4, fill text DEFAULT 'X') RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN length(value) > keep AND keep > 0
            THEN regexp_replace(left(value, -keep), '[[:alnum:]]', fill, 'g') || right(value, keep)
        ELSE regexp_replace(value, '[[:alnum:]]', fill, 'g')
    END;
COMMENT ON FUNCTION vpd.mask_partial IS
'A mask: letters and digits replaced by fill except in the last keep characters, so that 123-45-6789 becomes XXX-XX-6789. A value that is
not longer than keep is replaced whole. NULL stays NULL.';

CREATE FUNCTION vpd.mask_hash(value text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'mask_hash_wrapper';
COMMENT ON FUNCTION vpd.mask_hash IS
'A mask: HMAC-SHA-256 of the value with a random key of this database, as 64 hexadecimal digits. Equal values have equal masks, so that
they can still be counted and joined. Keyed, so that lists of hashes made elsewhere are of no use; whoever may call it can still try
guesses one by one, so values that are easily guessed want another mask. NULL stays NULL.';

CREATE FUNCTION vpd.mask_year(value date) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CAST(date_trunc('year', CAST(value AS timestamp)) AS date);
COMMENT ON FUNCTION vpd.mask_year(date) IS 'A mask: the first day of the year of the value. NULL stays NULL.';

CREATE FUNCTION vpd.mask_year(value timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_trunc('year', value);
COMMENT ON FUNCTION vpd.mask_year(timestamp) IS 'A mask: the beginning of the year of the value. NULL stays NULL.';

CREATE FUNCTION vpd.mask_year(value timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_trunc('year', value AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
COMMENT ON FUNCTION vpd.mask_year(timestamptz) IS 'A mask: the beginning of the year of the value in UTC. NULL stays NULL.';

CREATE FUNCTION vpd.mask_bucket(value integer, width integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CAST(floor(CAST(value AS numeric) / width) * width AS integer);
COMMENT ON FUNCTION vpd.mask_bucket(integer, integer) IS
'A mask: the lower bound of the bucket of the given width that the value falls into. NULL stays NULL. Errors: 22012 for width 0.';

CREATE FUNCTION vpd.mask_bucket(value bigint, width bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CAST(floor(CAST(value AS numeric) / width) * width AS bigint);
COMMENT ON FUNCTION vpd.mask_bucket(bigint, bigint) IS
'A mask: the lower bound of the bucket of the given width that the value falls into. NULL stays NULL. Errors: 22012 for width 0.';

CREATE FUNCTION vpd.mask_bucket(value numeric, width numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN floor(value / width) * width;
COMMENT ON FUNCTION vpd.mask_bucket(numeric, numeric) IS
'A mask: the lower bound of the bucket of the given width that the value falls into. NULL stays NULL. Errors: 22012 for width 0.';

CREATE FUNCTION vpd.mask_bucket(value double precision, width double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN floor(value / width) * width;
COMMENT ON FUNCTION vpd.mask_bucket(double precision, double precision) IS
'A mask: the lower bound of the bucket of the given width that the value falls into. NULL stays NULL. Errors: 22012 for width 0.';

CREATE VIEW vpd.masks AS
    SELECT m.relation,
           m.column_name,
           CASE WHEN length(m.mask) > 28 THEN left(m.mask, 27) || '…' ELSE m.mask END AS mask,
           CASE WHEN length(m.visible_when) > 28 THEN left(m.visible_when, 27) || '…' ELSE m.visible_when END AS visible_when,
           m.is_enabled AS enabled
      FROM vpd_private.mask m
     ORDER BY m.relation::text, m.column_name;
COMMENT ON VIEW vpd.masks IS 'Column masks, a line each; long expressions are cut, mask_definitions has them whole.';
COMMENT ON COLUMN vpd.masks.mask IS 'What is shown instead of the value, cut after 28 characters.';
COMMENT ON COLUMN vpd.masks.visible_when IS 'Predicate: the value of a row is shown where it is true; cut after 28 characters.';
COMMENT ON COLUMN vpd.masks.enabled IS 'A disabled mask hides nothing.';

CREATE VIEW vpd.mask_definitions AS
    SELECT m.relation,
           m.column_name,
           m.mask,
           m.visible_when,
           m.is_enabled,
           m.created_by,
           m.created_at,
           m.altered_at
      FROM vpd_private.mask m;
COMMENT ON VIEW vpd.mask_definitions IS 'Column masks with every property.';
