-- Sealed columns: types whose values are encrypted wherever they lie, and the keys that seal them.

CREATE TABLE vpd_private.sealing_key_version (
    key_number integer NOT NULL,
    version integer NOT NULL,
    master text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (key_number, version)
) WITH (parallel_workers = 0);
ALTER TABLE vpd_private.sealing_key_version ALTER COLUMN wrapped SET STATISTICS 0;
COMMENT ON TABLE vpd_private.sealing_key_version IS 'The bits of keys, wrapped with a master key that is not in the database.';
COMMENT ON COLUMN vpd_private.sealing_key_version.key_number IS 'The key.';
COMMENT ON COLUMN vpd_private.sealing_key_version.version IS 'Which of its versions; 0 is what makes the tags of a searchable key.';
COMMENT ON COLUMN vpd_private.sealing_key_version.master IS 'Name of the master key that wraps it.';
COMMENT ON COLUMN vpd_private.sealing_key_version.wrapped IS '256 random bits: IV, AES-256-CBC, HMAC-SHA-256 over key, version and both.';
COMMENT ON COLUMN vpd_private.sealing_key_version.created_at IS 'When it was made.';
SELECT pg_extension_config_dump('vpd_private.sealing_key_version', '');

CREATE TABLE vpd_private.sealed_place (
    place integer PRIMARY KEY,
    key_number integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.sealed_place IS 'Sealed columns, by the number that stands in their types and in their values.';
COMMENT ON COLUMN vpd_private.sealed_place.place IS 'The number, random.';
COMMENT ON COLUMN vpd_private.sealed_place.key_number IS 'The key that seals the column.';
COMMENT ON COLUMN vpd_private.sealed_place.created_at IS 'When the column was defined.';
SELECT pg_extension_config_dump('vpd_private.sealed_place', '');

-- Last of the three: where it is, the others are.
CREATE TABLE vpd_private.sealing_key (
    key_number integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    is_searchable boolean NOT NULL,
    is_per_person boolean NOT NULL,
    privilege text NOT NULL,
    hidden_as text NOT NULL CHECK (hidden_as IN ('mask', 'null', 'error')),
    mask text NOT NULL,
    created_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.sealing_key IS 'Keys of sealed columns, without their bits.';
COMMENT ON COLUMN vpd_private.sealing_key.key_number IS 'Its number in sealed values: random, so that keys of a restored database have others than those made here.';
COMMENT ON COLUMN vpd_private.sealing_key.name IS 'Its name, as the types of columns have it.';
COMMENT ON COLUMN vpd_private.sealing_key.is_searchable IS 'Whether equal values can be told.';
COMMENT ON COLUMN vpd_private.sealing_key.is_per_person IS 'Whether what it seals takes the key of a person as well.';
COMMENT ON COLUMN vpd_private.sealing_key.privilege IS 'The privilege that unseals.';
COMMENT ON COLUMN vpd_private.sealing_key.hidden_as IS 'What whoever may not unseal gets: mask, null or error.';
COMMENT ON COLUMN vpd_private.sealing_key.mask IS 'The mask.';
COMMENT ON COLUMN vpd_private.sealing_key.created_by IS 'Role that created it.';
COMMENT ON COLUMN vpd_private.sealing_key.created_at IS 'When it was created.';
COMMENT ON COLUMN vpd_private.sealing_key.destroyed_at IS 'When it was destroyed, with everything it sealed; NULL while it lives.';
SELECT pg_extension_config_dump('vpd_private.sealing_key', '');

-- What the types have in common: one set of functions of the library for all of them. Operators lie in pg_catalog, so that every search_path finds them.
CREATE FUNCTION vpd_private.sealed_modifier_in(cstring[]) RETURNS integer
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'sealed_modifier_in_wrapper';
COMMENT ON FUNCTION vpd_private.sealed_modifier_in IS
'The modifier that the name of a key, and in a dump the number of a column, stands for. Errors: 42704 sealing_key_not_found, 55000 key_destroyed, 22023 argument_invalid.';
CREATE FUNCTION vpd_private.sealed_modifier_out(integer) RETURNS cstring
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'sealed_modifier_out_wrapper';
COMMENT ON FUNCTION vpd_private.sealed_modifier_out IS 'The text of a modifier: the key, and the number of the column.';

DO $$
DECLARE
    kind record;
    operation record;
    source text;
    signature text;
BEGIN
    FOR kind IN
        SELECT *
          FROM (VALUES
              ('sealed_text', 'text', '{text,varchar}'::text[], '{bpchar}'::text[]),
              ('sealed_bytea', 'bytea', '{bytea}', '{}'),
              ('sealed_numeric', 'numeric', '{numeric,integer,bigint}', '{double precision}'),
              ('sealed_date', 'date', '{date}', '{}'),
              ('sealed_jsonb', 'jsonb', '{jsonb}', '{json}')
          ) AS known (name, base, implicit, assigned)
    LOOP
        EXECUTE format('CREATE TYPE vpd.%I', kind.name);
        FOR operation IN
            SELECT *
              FROM (VALUES
                  ('%1$s_in', 'cstring, oid, integer', 'vpd.%1$I', 'STABLE', 'sealed_in', 'A text as a value of the type: sealed for its column, or on its way to one. Errors: 22P03 envelope_broken, 22023 envelope_misplaced, 42501 unseal_refused, 55000 master_key_missing.'),
                  ('%1$s_recv', 'internal, oid, integer', 'vpd.%1$I', 'STABLE', 'sealed_recv', 'The same from the binary protocol, in which a value has the form of its text.'),
                  ('sealed_out', 'vpd.%1$I', 'cstring', 'STABLE', 'sealed_out', 'What goes out: the value for who has the privilege of the key, its mask for other sessions, the envelope without a session. Errors: 22P03 envelope_broken, 42501 unseal_refused.'),
                  ('sealed_send', 'vpd.%1$I', 'bytea', 'STABLE', 'sealed_send', 'The same in the binary protocol.'),
                  ('sealed_coerce', 'vpd.%1$I, integer, boolean', 'vpd.%1$I', 'VOLATILE', 'sealed_coerce', 'Seals a value for a column or with a key. Errors: 42501 unseal_refused for a value of another column, and for a cast that somebody wrote.'),
                  ('sealed_tagged', 'vpd.%1$I, integer', 'vpd.%1$I', 'STABLE', 'sealed_tagged', 'What a literal is compared by with a sealed column. The library puts it into statements.'),
                  ('%1$s_stored', 'text, integer', 'vpd.%1$I', 'VOLATILE', 'sealed_stored', 'What an assignment of a text stores in a sealed column. The library puts it into statements. Errors: 22P03 envelope_broken, 42501 unseal_refused.'),
                  ('%1$s_sought', 'text, integer', 'vpd.%1$I', 'STABLE', 'sealed_sought', 'What a text is compared by with a sealed column. The library puts it into statements.'),
                  ('%1$s_analyze', 'internal', 'boolean', 'VOLATILE', 'sealed_analyze', 'What ANALYZE does with a column of the type: nothing where its values cannot be compared.'),
                  ('sealed_eq', 'vpd.%1$I, vpd.%1$I', 'boolean', 'STABLE', 'sealed_eq', 'Whether two values are equal, by their tags. Errors: 0A000 not_searchable, keys_differ; 42501 unseal_refused for an open value without the privilege.'),
                  ('sealed_ne', 'vpd.%1$I, vpd.%1$I', 'boolean', 'STABLE', 'sealed_ne', 'Whether two values differ, by their tags.'),
                  ('sealed_lt', 'vpd.%1$I, vpd.%1$I', 'boolean', 'STABLE', 'sealed_lt', 'Order of tags, for indexes alone.'),
                  ('sealed_le', 'vpd.%1$I, vpd.%1$I', 'boolean', 'STABLE', 'sealed_le', 'Order of tags, for indexes alone.'),
                  ('sealed_ge', 'vpd.%1$I, vpd.%1$I', 'boolean', 'STABLE', 'sealed_ge', 'Order of tags, for indexes alone.'),
                  ('sealed_gt', 'vpd.%1$I, vpd.%1$I', 'boolean', 'STABLE', 'sealed_gt', 'Order of tags, for indexes alone.'),
                  ('sealed_unordered', 'vpd.%1$I, vpd.%1$I', 'boolean', 'STABLE', 'sealed_unordered', 'Raises 0A000 not_ordered: sealed values have no order.'),
                  ('sealed_cmp', 'vpd.%1$I, vpd.%1$I', 'integer', 'IMMUTABLE', 'sealed_cmp', 'Order of tags, for indexes alone.'),
                  ('sealed_hash', 'vpd.%1$I', 'integer', 'IMMUTABLE', 'sealed_hash', 'Hash of the tag. Errors: 0A000 not_searchable, open_among_sealed.'),
                  ('sealed_hash_extended', 'vpd.%1$I, bigint', 'bigint', 'IMMUTABLE', 'sealed_hash_extended', 'Hash of the tag, with a seed.'),
                  ('sealed_open', 'vpd.%1$I', 'text', 'STABLE', 'sealed_open', 'The value as text, for who has the privilege of its key; NULL where it was about somebody who was forgotten. Errors: 42501 unseal_refused, 55000 master_key_missing, key_destroyed.')
              ) AS known (name, arguments, result, volatility, symbol, comment)
        LOOP
            signature := format('vpd_private.%s(%s)', format(operation.name, kind.name), format(operation.arguments, kind.name));
            EXECUTE format(
                'CREATE FUNCTION %s RETURNS %s LANGUAGE c %s STRICT PARALLEL RESTRICTED AS ''MODULE_PATHNAME'', %L',
                signature, format(operation.result, kind.name), operation.volatility, operation.symbol || '_wrapper'
            );
            EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature, operation.comment);
        END LOOP;
        EXECUTE format(
            'CREATE TYPE vpd.%1$I (
                 INPUT = vpd_private.%1$s_in,
                 OUTPUT = vpd_private.sealed_out,
                 RECEIVE = vpd_private.%1$s_recv,
                 SEND = vpd_private.sealed_send,
                 TYPMOD_IN = vpd_private.sealed_modifier_in,
                 TYPMOD_OUT = vpd_private.sealed_modifier_out,
                 ANALYZE = vpd_private.%1$s_analyze,
                 INTERNALLENGTH = VARIABLE,
                 ALIGNMENT = int4,
                 STORAGE = external
             )',
            kind.name
        );
        EXECUTE format(
            'COMMENT ON TYPE vpd.%I IS %L',
            kind.name,
            format('A value of type %s that is encrypted wherever it lies. The name of a key is its modifier, such as vpd.%s(''pii'').', kind.base, kind.name)
        );
        EXECUTE format('CREATE CAST (vpd.%1$I AS vpd.%1$I) WITH FUNCTION vpd_private.sealed_coerce(vpd.%1$I, integer, boolean) AS IMPLICIT', kind.name);
        FOREACH source IN ARRAY kind.implicit LOOP
            EXECUTE format('CREATE CAST (%s AS vpd.%I) WITH INOUT AS IMPLICIT', source, kind.name);
        END LOOP;
        FOREACH source IN ARRAY kind.assigned LOOP
            EXECUTE format('CREATE CAST (%s AS vpd.%I) WITH INOUT AS ASSIGNMENT', source, kind.name);
        END LOOP;
        IF kind.base <> 'text' THEN
            EXECUTE format('CREATE CAST (vpd.%I AS %s) WITH INOUT', kind.name, kind.base);
        END IF;
        FOR operation IN
            SELECT *
              FROM (VALUES
                  ('=', 'sealed_eq', '=', '<>', 'RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES', 'Equal, by tags.'),
                  ('<>', 'sealed_ne', '<>', '=', 'RESTRICT = neqsel, JOIN = neqjoinsel', 'Not equal, by tags.'),
                  ('*<', 'sealed_lt', '*>', '*>=', 'RESTRICT = scalarltsel, JOIN = scalarltjoinsel', 'Order of tags, for indexes alone.'),
                  ('*<=', 'sealed_le', '*>=', '*>', 'RESTRICT = scalarlesel, JOIN = scalarlejoinsel', 'Order of tags, for indexes alone.'),
                  ('*>=', 'sealed_ge', '*<=', '*<', 'RESTRICT = scalargesel, JOIN = scalargejoinsel', 'Order of tags, for indexes alone.'),
                  ('*>', 'sealed_gt', '*<', '*<=', 'RESTRICT = scalargtsel, JOIN = scalargtjoinsel', 'Order of tags, for indexes alone.'),
                  ('<', 'sealed_unordered', '>', '>=', 'RESTRICT = scalarltsel', 'Refused: sealed values have no order.'),
                  ('<=', 'sealed_unordered', '>=', '>', 'RESTRICT = scalarlesel', 'Refused: sealed values have no order.'),
                  ('>=', 'sealed_unordered', '<=', '<', 'RESTRICT = scalargesel', 'Refused: sealed values have no order.'),
                  ('>', 'sealed_unordered', '<', '<=', 'RESTRICT = scalargtsel', 'Refused: sealed values have no order.')
              ) AS known (name, function, commutator, negator, estimates, comment)
        LOOP
            EXECUTE format(
                'CREATE OPERATOR pg_catalog.%s (FUNCTION = vpd_private.%I, LEFTARG = vpd.%3$I, RIGHTARG = vpd.%3$I, COMMUTATOR = OPERATOR(pg_catalog.%4$s), NEGATOR = OPERATOR(pg_catalog.%5$s), %6$s)',
                operation.name, operation.function, kind.name, operation.commutator, operation.negator, operation.estimates
            );
            EXECUTE format('COMMENT ON OPERATOR pg_catalog.%s (vpd.%2$I, vpd.%2$I) IS %3$L', operation.name, kind.name, operation.comment);
        END LOOP;
        EXECUTE format(
            'CREATE OPERATOR CLASS vpd.%1$s_ops DEFAULT FOR TYPE vpd.%1$I USING btree AS
                 OPERATOR 1 pg_catalog.*<, OPERATOR 2 pg_catalog.*<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.*>=, OPERATOR 5 pg_catalog.*>,
                 FUNCTION 1 vpd_private.sealed_cmp(vpd.%1$I, vpd.%1$I)',
            kind.name
        );
        EXECUTE format(
            'CREATE OPERATOR CLASS vpd.%1$s_ops DEFAULT FOR TYPE vpd.%1$I USING hash AS
                 OPERATOR 1 pg_catalog.=,
                 FUNCTION 1 vpd_private.sealed_hash(vpd.%1$I),
                 FUNCTION 2 vpd_private.sealed_hash_extended(vpd.%1$I, bigint)',
            kind.name
        );
        EXECUTE format(
            'CREATE FUNCTION vpd.unseal(value vpd.%I) RETURNS %s LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
                 RETURN CAST(vpd_private.sealed_open(value) AS %2$s)',
            kind.name, kind.base
        );
        EXECUTE format(
            'COMMENT ON FUNCTION vpd.unseal(vpd.%I) IS %L',
            kind.name,
            'The value, for a session that has the privilege of its key; NULL where it was about somebody who was forgotten. Errors: 42501 unseal_refused, 55000 master_key_missing, key_destroyed, 22P03 envelope_broken.'
        );
        EXECUTE format(
            'CREATE FUNCTION vpd.sealed_version(value vpd.%I) RETURNS integer LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS ''MODULE_PATHNAME'', ''sealed_version_wrapper''',
            kind.name
        );
        EXECUTE format(
            'COMMENT ON FUNCTION vpd.sealed_version(vpd.%I) IS %L',
            kind.name,
            'The version of the key that sealed a value; -1 where that is a former one and nobody can read the value any more, about somebody who was forgotten for instance, NULL where it is not sealed. Errors: 22P03 envelope_broken.'
        );
        EXECUTE format(
            'CREATE FUNCTION vpd.sealed_anew(value vpd.%1$I, person text, permit text) RETURNS vpd.%1$I LANGUAGE c VOLATILE PARALLEL UNSAFE AS ''MODULE_PATHNAME'', ''sealed_renewed_wrapper''',
            kind.name
        );
        EXECUTE format(
            'COMMENT ON FUNCTION vpd.sealed_anew(vpd.%I, text, text) IS %L',
            kind.name,
            'The same value sealed with the current version of its key, about a person. The library puts it into statements of vpd.reseal, with a permit, and it works nowhere else. Errors: 22023 argument_invalid, 23502 person_missing.'
        );
        FOR operation IN
            SELECT *
              FROM (VALUES
                  ('sealed_is_about', 'name text', 'boolean', 'True when a value is about the person that its row names, or about nobody who is known any more. The library puts it into checks of tables (vpd.name_person). Errors: 55000 person_differs, 23502 person_missing.'),
                  ('sealed_differs', 'name text, permit text', 'boolean', 'True when a value is about another person than its row names. The library puts it into statements of vpd.reseal, with a permit, and it works nowhere else. Errors: 22023 argument_invalid.'),
                  ('sealed_opened', 'permit text', 'text', 'The value as text. The library puts it into the command of vpd.unseal_column, with a permit, and it works nowhere else. Errors: 42501 unseal_refused.')
              ) AS known (name, argument, result, comment)
        LOOP
            EXECUTE format(
                'CREATE FUNCTION vpd.%I(value vpd.%I, %s) RETURNS %s LANGUAGE c VOLATILE PARALLEL UNSAFE AS ''MODULE_PATHNAME'', %L',
                operation.name, kind.name, operation.argument, operation.result, operation.name || '_wrapper'
            );
            EXECUTE format('COMMENT ON FUNCTION vpd.%I(vpd.%I, %s) IS %L', operation.name, kind.name, operation.argument, operation.comment);
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION vpd.seal(value text, key text) RETURNS vpd.sealed_text
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'seal_wrapper';
COMMENT ON FUNCTION vpd.seal IS
'A value sealed with a key, for no column: for what is kept elsewhere. Only a session with the privilege of the key may; assigning to a sealed column needs no
privilege but that of the table. Errors: 42704 sealing_key_not_found, 42501 unseal_refused, 55000 master_key_missing, key_destroyed.';

CREATE FUNCTION vpd.sealed_mask(key text, kind anyelement) RETURNS anyelement
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'sealed_mask_wrapper';
COMMENT ON FUNCTION vpd.sealed_mask IS
'The mask of a key, as a value of the sealed type of kind, which is NULL. The library puts it into statements in place of columns. Errors: 42501 unseal_refused for a
key that is hidden as error, 42704 sealing_key_not_found.';

CREATE FUNCTION vpd.create_key(
    name text,
    privilege text,
    searchable boolean DEFAULT false,
    mask text DEFAULT '•••',
    hidden_as text DEFAULT 'mask',
    per_person boolean DEFAULT false
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'create_key_wrapper';
COMMENT ON FUNCTION vpd.create_key IS
'Creates a key for sealed columns: 256 random bits that leave the server in no form, wrapped with the current master key. Arguments: name, lower-case letters, digits
and underscores, at most 63; privilege, which a session needs to see what it seals (vpd.define_privilege); searchable, whether equal values can be told, by a keyed tag
that lies beside each value; mask, what other sessions see, at most 1024 bytes; hidden_as: mask, null or error; per_person, whether
each value takes the key of the person it is about as well (vpd.name_person), so that he can be forgotten (vpd.forget_person): such a key is not searchable. Errors: 42710 key_exists, 55000 master_key_missing,
cipher_missing, 22023 argument_invalid.';

CREATE FUNCTION vpd.rotate_key(name text) RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'rotate_key_wrapper';
COMMENT ON FUNCTION vpd.rotate_key IS
'Makes another version of a key, wrapped with the current master key; returns its number. It seals from the commit on; what former versions sealed is read as before. Tags
stay what they are, so that equality goes on. Errors: 42704 sealing_key_not_found, 55000 key_destroyed, master_key_missing.';

CREATE FUNCTION vpd.destroy_key(name text, confirm text, version integer DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'destroy_key_wrapper';
COMMENT ON FUNCTION vpd.destroy_key IS
'Destroys a key in all its versions: nothing that it sealed can be read any more, by anybody, in no copy that has the key from this database alone. A backup that was made before
holds the wrapped key: it is unreadable without the master key, so change that as well (vpd.rewrap_keys). Arguments: confirm, the name once more; version, to destroy one
former version alone, which seals nothing any more: nobody writes the tables with its columns meanwhile. Errors: 42704 sealing_key_not_found,
55000 key_destroyed, version_in_use, 22023 argument_invalid.';

CREATE FUNCTION vpd.rewrap_keys() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'rewrap_keys_wrapper';
COMMENT ON FUNCTION vpd.rewrap_keys IS
'Wraps all keys, those of persons too, with the current master key: the first of vpd.master_key_file or vpd.master_key_command. Returns how many another one had wrapped. Former
master keys are good for nothing in this database afterwards, but for what backups from before hold. Errors: 55000 master_key_missing.';

CREATE VIEW vpd.keys AS
    SELECT k.name,
           k.privilege,
           k.is_searchable AS searchable,
           k.is_per_person AS per_person,
           k.hidden_as,
           k.mask,
           (SELECT max(v.version) FROM vpd_private.sealing_key_version v WHERE v.key_number = k.key_number) AS version,
           k.created_by,
           k.created_at,
           k.destroyed_at
      FROM vpd_private.sealing_key k;
COMMENT ON VIEW vpd.keys IS 'Keys of sealed columns. Their bits are nowhere to be seen.';
COMMENT ON COLUMN vpd.keys.name IS 'Its name.';
COMMENT ON COLUMN vpd.keys.privilege IS 'The privilege that unseals.';
COMMENT ON COLUMN vpd.keys.searchable IS 'Whether equal values can be told.';
COMMENT ON COLUMN vpd.keys.per_person IS 'Whether what it seals takes the key of a person as well.';
COMMENT ON COLUMN vpd.keys.hidden_as IS 'What other sessions get: mask, null or error.';
COMMENT ON COLUMN vpd.keys.mask IS 'The mask.';
COMMENT ON COLUMN vpd.keys.version IS 'The version that seals.';
COMMENT ON COLUMN vpd.keys.created_by IS 'Role that created it.';
COMMENT ON COLUMN vpd.keys.created_at IS 'When it was created.';
COMMENT ON COLUMN vpd.keys.destroyed_at IS 'When it was destroyed; NULL while it lives.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'create_key'),
    ('security_admin', 'rotate_key'),
    ('security_admin', 'destroy_key'),
    ('security_admin', 'rewrap_keys'),
    ('security_admin', 'keys'),
    ('auditor', 'keys');
