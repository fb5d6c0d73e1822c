-- Personal data in sealed columns: which versions seal what, sealing anew, taking columns in and out, persons who can be forgotten.

CREATE TABLE vpd_private.sealed_person (
    key_number integer NOT NULL,
    person bigint NOT NULL,
    name text NOT NULL,
    master text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (key_number, person),
    UNIQUE (name, key_number)
) WITH (parallel_workers = 0);
ALTER TABLE vpd_private.sealed_person ALTER COLUMN wrapped SET STATISTICS 0;
COMMENT ON TABLE vpd_private.sealed_person IS 'Keys of persons, wrapped with a master key that is not in the database. Whose row is gone is forgotten.';
COMMENT ON COLUMN vpd_private.sealed_person.key_number IS 'The key of the columns.';
COMMENT ON COLUMN vpd_private.sealed_person.person IS 'His number in sealed values, random.';
COMMENT ON COLUMN vpd_private.sealed_person.name IS 'The kind of person, a colon, and his name as the column has it that names him.';
COMMENT ON COLUMN vpd_private.sealed_person.master IS 'Name of the master key that wraps it.';
COMMENT ON COLUMN vpd_private.sealed_person.wrapped IS '256 random bits: IV, AES-256-CBC, HMAC-SHA-256 over key, person and both.';
COMMENT ON COLUMN vpd_private.sealed_person.created_at IS 'When something was first sealed about him.';
SELECT pg_extension_config_dump('vpd_private.sealed_person', '');

CREATE TABLE vpd_private.person_column (
    relation regclass PRIMARY KEY,
    column_name text NOT NULL,
    column_number smallint NOT NULL,
    kind text NOT NULL,
    moving regclass[] NOT NULL DEFAULT '{}',
    named_by text NOT NULL DEFAULT session_user,
    named_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.person_column IS 'Which column names the person that the rows of a table are about.';
COMMENT ON COLUMN vpd_private.person_column.relation IS 'The table. What the root of a partition says counts before what is kept for the partition itself, for when it is detached.';
COMMENT ON COLUMN vpd_private.person_column.column_name IS 'The column; follows when it is renamed.';
COMMENT ON COLUMN vpd_private.person_column.column_number IS 'Number of the column, by which a renamed one is found.';
COMMENT ON COLUMN vpd_private.person_column.kind IS 'The kind of person, such as customer: equal names of different kinds are different persons.';
COMMENT ON COLUMN vpd_private.person_column.moving IS 'The table and partitions whose values may be about the persons of before yet; vpd.reseal makes them about those that their rows name.';
COMMENT ON COLUMN vpd_private.person_column.named_by IS 'Role that said so.';
COMMENT ON COLUMN vpd_private.person_column.named_at IS 'When.';
SELECT pg_extension_config_dump('vpd_private.person_column', '');

CREATE VIEW vpd_private.sealed_column AS
    SELECT a.attrelid AS relation, a.attnum AS number, a.attname::text AS name, p.place, p.key_number
      FROM vpd_private.sealed_place p
      JOIN pg_attribute a ON a.atttypmod = p.place
      JOIN pg_type t ON t.oid = a.atttypid
      JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname = 'vpd'
       AND t.typname IN ('sealed_text', 'sealed_bytea', 'sealed_numeric', 'sealed_date', 'sealed_jsonb')
       AND a.attnum > 0
       AND NOT a.attisdropped;
COMMENT ON VIEW vpd_private.sealed_column IS 'Sealed columns of tables, partitions, materialized views, views and indexes. A sealed type stands directly in a column, and nowhere else.';
COMMENT ON COLUMN vpd_private.sealed_column.relation IS 'The table, or what else has the column.';
COMMENT ON COLUMN vpd_private.sealed_column.number IS 'Number of the column.';
COMMENT ON COLUMN vpd_private.sealed_column.name IS 'The column.';
COMMENT ON COLUMN vpd_private.sealed_column.place IS 'The number that its values are sealed for: the modifier of its type.';
COMMENT ON COLUMN vpd_private.sealed_column.key_number IS 'Its key.';

CREATE VIEW vpd_private.nameable_column AS
    SELECT a.attrelid AS relation,
           a.attnum AS number,
           a.attname::text AS name,
           a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'uuid'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype)
               AND NOT EXISTS (SELECT FROM pg_collation l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic)
               AND a.attgenerated = '' AS is_plain,
           a.atttypid = 'text'::regtype AS is_text
      FROM pg_attribute a
     WHERE a.attnum > 0
       AND NOT a.attisdropped;
COMMENT ON VIEW vpd_private.nameable_column IS 'Columns, and whether each could name persons.';
COMMENT ON COLUMN vpd_private.nameable_column.relation IS 'The table, or what else has the column.';
COMMENT ON COLUMN vpd_private.nameable_column.number IS 'Number of the column.';
COMMENT ON COLUMN vpd_private.nameable_column.name IS 'The column.';
COMMENT ON COLUMN vpd_private.nameable_column.is_text IS 'Whether it is a text.';
COMMENT ON COLUMN vpd_private.nameable_column.is_plain IS 'Whether its values have one text each, and equal values have the same.';

CREATE VIEW vpd_private.person_check AS
    SELECT k.conrelid AS relation, k.conname AS name, sealed.number, person.number AS person, k.coninhcount > 0 AS is_inherited
      FROM pg_constraint k
      JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid AND d.refclassid = 'pg_proc'::regclass
      JOIN pg_proc p ON p.oid = d.refobjid
      JOIN pg_namespace n ON n.oid = p.pronamespace
      JOIN vpd_private.sealed_column sealed ON sealed.relation = k.conrelid AND sealed.number = ANY (k.conkey)
      JOIN vpd_private.nameable_column person ON person.relation = k.conrelid AND person.number = ANY (k.conkey) AND person.number <> sealed.number
     CROSS JOIN LATERAL (
           SELECT format('vpd.sealed_is_about(%I, (''', sealed.name) AS head,
                  format(CASE WHEN person.is_text THEN ':''::text || %I))' ELSE ':''::text || (%I)::text))' END, person.name) AS tail,
                  pg_get_expr(k.conbin, k.conrelid) AS text
           ) expression
     WHERE k.contype = 'c'
       AND cardinality(k.conkey) = 2
       AND p.proname = 'sealed_is_about'
       AND n.nspname = 'vpd'
       AND starts_with(expression.text, expression.head)
       AND right(expression.text, length(expression.tail)) = expression.tail
       AND substr(expression.text, length(expression.head) + 1, length(expression.text) - length(expression.head) - length(expression.tail)) ~ '^[a-z][a-z0-9_]*$';
COMMENT ON VIEW vpd_private.person_check IS 'Checks of tables that sealed values are about the person that their row names, and nothing else: what an owner wrote around them makes them others. Read it with search_path = pg_catalog.';
COMMENT ON COLUMN vpd_private.person_check.relation IS 'The table.';
COMMENT ON COLUMN vpd_private.person_check.name IS 'The check.';
COMMENT ON COLUMN vpd_private.person_check.number IS 'Number of the sealed column.';
COMMENT ON COLUMN vpd_private.person_check.person IS 'Number of the column that names the person.';
COMMENT ON COLUMN vpd_private.person_check.is_inherited IS 'Whether it is that of a parent.';

CREATE TABLE vpd_private.resealing (
    relation regclass PRIMARY KEY,
    targets text NOT NULL,
    pass integer NOT NULL DEFAULT 1,
    next_block bigint NOT NULL DEFAULT 0,
    next_row integer NOT NULL DEFAULT 0,
    blocks bigint NOT NULL DEFAULT 0,
    resealed bigint NOT NULL DEFAULT 0,
    in_background boolean NOT NULL DEFAULT false,
    failure text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.resealing IS 'Where sealing anew stands, table by table.';
COMMENT ON COLUMN vpd_private.resealing.relation IS 'The table, or a partition.';
COMMENT ON COLUMN vpd_private.resealing.targets IS 'Columns, by their numbers, and the version that each is to have.';
COMMENT ON COLUMN vpd_private.resealing.pass IS '1: block by block; 2: row by row, what others held.';
COMMENT ON COLUMN vpd_private.resealing.next_block IS 'The block to go on with.';
COMMENT ON COLUMN vpd_private.resealing.next_row IS 'The row in it to go on behind.';
COMMENT ON COLUMN vpd_private.resealing.blocks IS 'Blocks of the table.';
COMMENT ON COLUMN vpd_private.resealing.resealed IS 'Rows that were sealed anew.';
COMMENT ON COLUMN vpd_private.resealing.in_background IS 'Whether the purge worker is to do it.';
COMMENT ON COLUMN vpd_private.resealing.failure IS 'Why the purge worker did not get on in its last try; NULL when it did.';
COMMENT ON COLUMN vpd_private.resealing.started_at IS 'When it began.';
COMMENT ON COLUMN vpd_private.resealing.updated_at IS 'When the last batch ended.';
COMMENT ON COLUMN vpd_private.resealing.finished_at IS 'When nothing was left; NULL before.';

CREATE FUNCTION vpd.count_key_usage()
    RETURNS TABLE (key text, version integer, relation oid, column_name text, sealed_values bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
    AS 'MODULE_PATHNAME', 'count_key_usage_wrapper';
COMMENT ON FUNCTION vpd.count_key_usage IS
'How many values each version of each key seals, by table and column. Goes through all tables that have sealed columns; see the view vpd.key_usage.';

CREATE VIEW vpd.key_usage AS
    SELECT u.key, u.version, u.relation::regclass AS relation, u.column_name, u.sealed_values
      FROM vpd.count_key_usage() u;
COMMENT ON VIEW vpd.key_usage IS
'How many values each version of each key seals. Reading it goes through all tables that have sealed columns, as their owners and past policies.';
COMMENT ON COLUMN vpd.key_usage.key IS 'The key.';
COMMENT ON COLUMN vpd.key_usage.version IS
'The version; -1 for values of a former version that nobody can read any more, about somebody who was forgotten for instance; NULL where the values of a table could not be counted: a WARNING tells why.';
COMMENT ON COLUMN vpd.key_usage.relation IS 'The table, or a partition.';
COMMENT ON COLUMN vpd.key_usage.column_name IS 'The column.';
COMMENT ON COLUMN vpd.key_usage.sealed_values IS 'How many values.';

CREATE FUNCTION vpd.reseal_batch(relation regclass, batch_size integer DEFAULT 1000) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'reseal_batch_wrapper';
COMMENT ON FUNCTION vpd.reseal_batch IS
'One batch of vpd.reseal, in the transaction of the caller: for whoever commits himself. Returns how many rows were sealed anew, NULL when all are; a further call begins anew. Argument batch_size: about
how many rows to go through, 1 to 100000. Errors: 22023 argument_invalid, 42809 relation_unsupported, also for a table with a rule that rewrites updates, 55000 master_key_missing, 23502 person_missing.';

CREATE PROCEDURE vpd.reseal(relation regclass, batch_size integer DEFAULT 1000)
    LANGUAGE plpgsql
AS $$
BEGIN
    WHILE vpd.reseal_batch(relation, batch_size) IS NOT NULL LOOP
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE vpd.reseal IS
'Seals the values of a table, and of its partitions, anew with the current versions of their keys; after vpd.name_person was called once more, about the persons that their rows name; in batches that commit, beside whoever reads and writes. When it was stopped, another call
goes on from there. Rows that others hold come last. Triggers of the table do not fire; one with a rule that rewrites updates is refused. The view vpd.reseal_progress shows how far it is. Call it outside of a transaction.
Arguments: relation; batch_size, about how many rows to go through between two commits, 1 to 100000. Errors: as vpd.reseal_batch; 2D000 inside of a transaction.';

CREATE FUNCTION vpd.reseal_in_background(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'reseal_in_background_wrapper';
COMMENT ON FUNCTION vpd.reseal_in_background IS
'Asks the purge worker to do what vpd.reseal does, in its next runs. Errors: 42809 relation_unsupported.';

CREATE VIEW vpd.reseal_progress AS
    SELECT r.relation,
           CASE
               WHEN r.finished_at IS NOT NULL THEN 'done'
               WHEN r.pass = 1 THEN 'going through blocks'
               ELSE 'waiting for rows that others hold'
           END AS phase,
           CASE WHEN r.finished_at IS NOT NULL OR r.pass > 1 THEN r.blocks ELSE least(r.next_block, r.blocks) END AS blocks_done,
           r.blocks AS blocks_total,
           r.resealed,
           r.in_background,
           r.failure,
           r.started_at,
           r.updated_at,
           r.finished_at
      FROM vpd_private.resealing r;
COMMENT ON VIEW vpd.reseal_progress IS 'How far vpd.reseal is, table by table, as of its last batch.';
COMMENT ON COLUMN vpd.reseal_progress.relation IS 'The table, or a partition.';
COMMENT ON COLUMN vpd.reseal_progress.phase IS 'going through blocks, waiting for rows that others hold, or done.';
COMMENT ON COLUMN vpd.reseal_progress.blocks_done IS 'Blocks that it went through.';
COMMENT ON COLUMN vpd.reseal_progress.blocks_total IS 'Blocks of the table.';
COMMENT ON COLUMN vpd.reseal_progress.resealed IS 'Rows that were sealed anew.';
COMMENT ON COLUMN vpd.reseal_progress.in_background IS 'Whether the purge worker does it.';
COMMENT ON COLUMN vpd.reseal_progress.failure IS 'Why the purge worker did not get on in its last try; it tries again in each run. NULL when it did.';
COMMENT ON COLUMN vpd.reseal_progress.started_at IS 'When it began.';
COMMENT ON COLUMN vpd.reseal_progress.updated_at IS 'When its last batch ended.';
COMMENT ON COLUMN vpd.reseal_progress.finished_at IS 'When nothing was left; NULL before.';

CREATE FUNCTION vpd.find_personal_data(relation regclass DEFAULT NULL, sample_rows integer DEFAULT 1000)
    RETURNS TABLE (relation regclass, column_name text, category text, confidence double precision, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
    AS 'MODULE_PATHNAME', 'find_personal_data_wrapper';
COMMENT ON FUNCTION vpd.find_personal_data IS
'Proposes columns to seal: those in the clear whose name, or some of whose values, look like personal data; the surest first. No value is shown. Arguments: relation, NULL for all tables of the application; sample_rows, how many values of
each column are looked at, 0 to 100000. Category: national_id (United States, United Kingdom, France), card (check digit of Luhn), bank_account (IBAN, ISO 13616), email, phone, birth_date, name, address; confidence from 0 to 1. It is
a guess: look at what it does not name as well. Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.seal_column(relation regclass, column_name text, key text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'seal_column_wrapper';
COMMENT ON FUNCTION vpd.seal_column IS
'Seals an existing column: its type becomes the sealed one of its kind with the key, in one rewrite of the table, which nobody reads or writes meanwhile. Plain btree and hash indexes and unique constraints are made again over tags,
defaults are kept. Texts and uuid become sealed_text; integers and numeric sealed_numeric; date, bytea, json and jsonb theirs. Refused with the list of what depends on the column and would not come along: views, generated columns,
checks, foreign keys, policies, triggers that name it, indexes of other kinds. What the log of changes, backups and freed space hold in the clear goes as they do. With a key per person, call vpd.name_person
before it: values are sealed about the persons of their rows. Errors: 42704 column_not_found, 42804 column_type, 42809 relation_unsupported, 2BP01 column_depended_on, 42704 sealing_key_not_found, 0A000 not_searchable, 55000 master_key_missing.';

CREATE FUNCTION vpd.unseal_column(relation regclass, column_name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'unseal_column_wrapper';
COMMENT ON FUNCTION vpd.unseal_column IS
'The way back: the column becomes one of the type that was sealed (text, bytea, numeric, date or jsonb, whatever it was before vpd.seal_column), in the clear. For a session with the privilege of the key. What is about somebody who was forgotten becomes NULL. Errors: as vpd.seal_column; 42501 unseal_refused.';

CREATE FUNCTION vpd_private.seal_for_person() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'seal_for_person_trigger_wrapper';
COMMENT ON FUNCTION vpd_private.seal_for_person IS 'The trigger of vpd.name_person: seals what is about a person with his key.';

CREATE FUNCTION vpd.name_person(relation regclass, column_name text, kind text DEFAULT 'person') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'name_person_wrapper';
COMMENT ON FUNCTION vpd.name_person IS
'Says which column of a table names the person that its rows are about: text, varchar, uuid or an integer, such as the number of a customer. Sealed columns with a key per person need it before values come in: a trigger seals them with
the key of the person, and a check on each such column refuses what is not about him, whatever other triggers do. Call it again after another such column was added. Another call names another column; rows keep the person they have
until vpd.reseal, which makes values about the persons that rows name after such a call, and at no other time; a WARNING tells how many rows that are. A partition names persons as its root does, also after it was detached, and takes the call for its trigger alone. A trigger that was disabled is enabled. Argument kind: lower-case letters, digits and underscores; customer 7 and employee 7 are different persons when they are of different kinds. Errors: 42704 column_not_found, 42804 column_type,
42809 relation_unsupported, 22023 argument_invalid.';

CREATE FUNCTION vpd.forget_person(name text, kind text DEFAULT 'person', force boolean DEFAULT false) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'forget_person_wrapper';
COMMENT ON FUNCTION vpd.forget_person IS
'Destroys all keys of a person, by the name that the columns have which name persons of a kind: whatever was sealed about him with keys per person cannot be read any more. Waits for transactions that write about him, and reads the tables of his kind: refused while rows that name him hold values about others, who would not be forgotten. A table that cannot be read is told in a WARNING. With force no table is
read, and no code of an owner runs: use it where an owner stands in the way; rows that name the person may hold values about others, who stay as they are. Returns how many keys there were. Rows stay; their sealed values show the mask, and vpd.unseal gives NULL. A backup from before holds his wrapped keys, which are good for nothing once the master key was changed (vpd.rewrap_keys). The audit trail keeps
that it happened. Errors: 42704 person_unknown, 55000 person_differs.';

CREATE FUNCTION vpd.export_person(name text, kind text DEFAULT 'person') RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'export_person_wrapper';
COMMENT ON FUNCTION vpd.export_person IS
'What sealed columns hold about a person, in all tables of which vpd.name_person says whom their rows are about, past row policies: {"person": name, "kind": kind, "sealed": [{"table", "column", "values": [texts]}], "unread": [{"table", "column"}]}. For a session with
the privileges of all keys of these columns. A table whose column that names persons got another type is left out, one that cannot be read because of what its owner wrote is in "unread", and both are told in a WARNING. Errors: 42501 unseal_refused, 55000 master_key_missing.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'count_key_usage'),
    ('security_admin', 'key_usage'),
    ('security_admin', 'reseal_batch'),
    ('security_admin', 'reseal'),
    ('security_admin', 'reseal_in_background'),
    ('security_admin', 'reseal_progress'),
    ('security_admin', 'find_personal_data'),
    ('security_admin', 'seal_column'),
    ('security_admin', 'unseal_column'),
    ('security_admin', 'name_person'),
    ('security_admin', 'forget_person'),
    ('security_admin', 'export_person'),
    ('auditor', 'count_key_usage'),
    ('auditor', 'key_usage'),
    ('auditor', 'reseal_progress');
