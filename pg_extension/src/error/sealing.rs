//! Refusals about sealed columns and their keys. None says anything of a value.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
    /// 55000: nothing can be encrypted or decrypted here.
    pub fn cipher_missing(reason: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "cipher_missing",
            format!("nothing can be sealed or unsealed: {reason}"),
            "Update or reinstall the extension pgcrypto.",
        )
    }

    /// 55000: the server was started without the master key that wraps a key.
    pub fn master_key_missing() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "master_key_missing",
            "the master key for sealed columns is missing",
            "Set vpd.master_key_file or vpd.master_key_command and restart the server; its log says why a key could not be read.",
        )
    }

    /// 42704: there is no such key.
    pub fn key_not_found(name: &str) -> Self {
        Self::not_found(
            "sealing_key_not_found",
            format!("key \"{name}\" does not exist"),
            "Create it with vpd.create_key, or see the view vpd.keys.",
        )
    }

    /// 42710: the key exists.
    pub fn key_exists(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "key_exists",
            format!("key \"{name}\" exists already"),
            "Choose another name, or make another version of it with vpd.rotate_key.",
        )
    }

    /// 55000: the key was destroyed, and with it every value that it sealed.
    pub fn key_destroyed(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "key_destroyed",
            format!("key \"{name}\" was destroyed"),
            "What it sealed cannot be read any more. Use another key.",
        )
    }

    /// 55000: a version of a key was destroyed that sealed what a query sees.
    pub fn version_gone(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "key_destroyed",
            format!("a version of key \"{name}\" was destroyed since this transaction began to read"),
            "Begin another transaction: it sees the values that were sealed anew.",
        )
    }

    /// 42P16: a sealed column names no key.
    pub fn key_not_named() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
            "key_not_named",
            "a sealed column names the key that seals it",
            "Write the key with the type, such as vpd.sealed_text('pii'). A table made by a query takes it from the columns it reads.",
        )
    }

    /// 22023: the words with a sealed type are no key.
    pub fn key_modifier() -> Self {
        Self::argument(
            "a sealed type takes the name of a key",
            "Write it such as vpd.sealed_text('pii'). A dump adds a number for the column; leave it away for a column of your own.",
        )
    }

    /// 42501: the session may not see what a key seals.
    pub fn unseal_refused(key: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "unseal_refused",
            format!("a value that is sealed with key \"{key}\" cannot be unsealed or compared"),
            "Attach a session that has the privilege of the key; see the view vpd.keys.",
        )
    }

    /// 42501: the session may not see what stands behind a mask.
    pub fn unseal_masked() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "unseal_refused",
            "a masked value cannot be unsealed",
            "Attach a session that has the privilege of the key; see the view vpd.keys.",
        )
    }

    /// 0A000: equal values of this key cannot be told.
    pub fn not_searchable(key: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "not_searchable",
            format!("values that are sealed with key \"{key}\" cannot be compared"),
            "Compare vpd.unseal(column), with the privilege of the key; or seal the column with a key that was created with searchable => true.",
        )
    }

    /// 0A000: values of different keys cannot be compared.
    pub fn keys_differ() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "keys_differ",
            "values that are sealed with different keys cannot be compared",
            "Compare vpd.unseal of both, with the privileges of the keys; or seal both columns with one key.",
        )
    }

    /// 0A000: an open value was to be hashed or sorted among sealed ones.
    pub fn open_among_sealed() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "open_among_sealed",
            "an open value cannot be hashed or sorted among sealed ones",
            "Compare it with the sealed column itself, or cast it to the sealed type with its key, such as value::vpd.sealed_text('pii').",
        )
    }

    /// 0A000: sealed values have no order.
    pub fn not_ordered() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "not_ordered",
            "sealed values have no order",
            "Order by, or compare, vpd.unseal(column), with the privilege of the key.",
        )
    }

    /// 22P03: the bytes are no envelope, or were changed.
    pub fn envelope_broken() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION,
            "envelope_broken",
            "a sealed value is damaged",
            "It was cut or changed, or sealed by another database. A value that begins with \"vpd:sealed:\" is read as one.",
        )
    }

    /// 0A000: the envelope was written by a later version.
    pub fn envelope_later() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "envelope_later",
            "a sealed value was written by a later version of pg_vpd",
            "Update the extension.",
        )
    }

    /// 22023: the envelope is of another column.
    pub fn envelope_misplaced() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "envelope_misplaced",
            "a sealed value belongs to another column",
            "Copy it by SQL in a session that has the privilege of the key, so that it is sealed anew.",
        )
    }

    /// 0A000: a literal of a sealed type stands in a definition.
    pub fn literal_kept() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "literal_kept",
            "a literal of a sealed type cannot be kept in a definition",
            "Write it as a value of its own type, such as 'x'::text: then it stands in the clear in the catalogue, and is sealed or compared when the definition is used.",
        )
    }

    /// 55000: a literal that was kept by somebody else is not good any more.
    pub fn passing_stale() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "passing_stale",
            "a value of a sealed type was kept where none may be kept",
            "Such a value is good until the server stops. Write literals in definitions as values of their own types, such as 'x'::text.",
        )
    }

    /// 55000: what was sealed about somebody cannot be read any more, because he was forgotten.
    pub fn person_forgotten() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "person_forgotten",
            "a sealed value is about a person who was forgotten",
            "It cannot be read any more. vpd.unseal gives NULL for it.",
        )
    }

    /// 42704: nothing is sealed about a person of this name.
    pub fn person_unknown() -> Self {
        Self::not_found(
            "person_unknown",
            "no key seals anything about a person of this name",
            "Write the name as the column does that names the person; or he was forgotten before.",
        )
    }

    /// 42809: a table whose columns nobody seals.
    pub fn not_of_application(name: &str) -> Self {
        Self::wrong_relation(
            format!("{name} is a table of the server or of an extension"),
            "Name a table of an application.",
        )
    }

    /// 42804: a column cannot name persons.
    pub fn person_column_type(column: &str) -> Self {
        Self::column_type(format!(
            "column \"{column}\" names persons, and is none of text, varchar, uuid and integer, with one text for equal values"
        ))
    }

    /// 23502: a row with something sealed about a person does not name him.
    pub fn person_missing() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_NOT_NULL_VIOLATION,
            "person_missing",
            "a row with a value that is sealed per person names no person",
            "Fill the column that vpd.name_person was called with.",
        )
    }

    /// 42501: a session that sees masks would write one in the place of the value.
    pub fn mask_written() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "column_masked",
            "the mask of a sealed value would be stored in its place",
            "A trigger or a text has it from the row that the session sees. Attach a session that has the privilege of the key, or leave the column out.",
        )
    }

    /// 55000: a value is not about the person that its row names.
    pub fn person_differs() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "person_differs",
            "a value that is sealed per person is not about the person that its row names",
            "The trigger of vpd.name_person is disabled, another one changes the row after it, or the row is from before: say once more who is meant with vpd.name_person, and seal the table anew with CALL vpd.reseal('table').",
        )
    }

    /// 55000: rows of before would get values that are about nobody.
    pub fn person_not_named_by_row() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "person_not_named",
            "the key is per person, and this command does not say whom each value is about",
            "Name the column that says it with vpd.name_person, and seal the column with vpd.seal_column; or add an empty column, and set its values with UPDATE. To copy a table, create it, name the person, and INSERT.",
        )
    }

    /// 55000: what a row that names a person holds is about others.
    pub fn person_rows_differ(table: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "person_differs",
            format!("values of {table} in rows that name the person are about somebody else"),
            format!(
                "Say once more who is meant with vpd.name_person, seal the table anew with CALL vpd.reseal('{table}'), and forget him then."
            ),
        )
    }

    /// 42809: a partition names persons as its root does.
    pub fn named_by_root(table: &str, root: &str) -> Self {
        Self::wrong_relation(
            format!("{table} is a partition or child of {root}, which names persons in another way"),
            format!("Call vpd.name_person('{root}', 'column') for all of them."),
        )
    }

    /// A warning: rows whose values become about others, when they are sealed anew.
    pub fn persons_move(table: &str, rows: i64) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "person_differs",
            format!("rows of {table} that hold values about somebody else than they name: {rows}"),
            "CALL vpd.reseal makes them about those who are named. Find out first who changed the names, where you did not.",
        )
    }

    /// A warning: rows that may name a person could not be looked at.
    pub fn person_not_searched(table: &str, reason: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "usage_unknown",
            format!("{table} was not looked at: {reason}"),
            "What the owner of the table wrote runs when it is read, such as conditions of indexes.",
        )
    }

    /// A warning: rows that may name a person could not be looked at, because nobody said which column does.
    pub fn person_unnamed(table: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "person_not_named",
            format!("{table} was not looked at: nothing says which person its rows are about"),
            format!("Call vpd.name_person('{table}', 'column') with the column that names the person."),
        )
    }

    /// 0A000: a sealed type where no column is defined.
    pub fn not_a_column() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "not_a_column",
            "a sealed type stands in the column of a table, and not inside of a domain, an array, a range or a row",
            "Seal each value as a column of its own, or the whole as vpd.sealed_jsonb.",
        )
    }

    /// 0A000: the server would compute a sealed column.
    pub fn sealed_computed() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "not_a_column",
            "a sealed column cannot be generated",
            "Fill it by a trigger.",
        )
    }

    /// 55000: nothing says whom the rows of a table are about.
    pub fn person_not_named() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "person_not_named",
            "nothing says which person the rows of the table are about",
            "Call vpd.name_person('table', 'column') with the column that names the person; once more after a column was added, or when its trigger was disabled.",
        )
    }

    /// 01000, a warning: code of the owner of a table stopped the counting of its values.
    pub fn not_counted(table: &str, reason: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "usage_unknown",
            format!("the sealed values of {table} were not counted: {reason}"),
            "What the owner of the table wrote runs when it is read, such as conditions of indexes.",
        )
    }

    /// 55000: what may be sealed with a version that is to be destroyed cannot be counted.
    pub fn usage_unknown(places: &[String]) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "usage_unknown",
            format!("what the version seals cannot be counted: {}", places.join(", ")),
            "Drop these columns, or wait until the connections have ended whose temporary tables they are.",
        )
    }

    /// 55000: values are sealed with a version that is to be destroyed.
    pub fn version_in_use(key: &str, version: i32, values: u64) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "version_in_use",
            format!("version {version} of key \"{key}\" seals {values} values"),
            "Seal them anew with CALL vpd.reseal('table'); the view vpd.key_usage tells where they are.",
        )
    }

    /// 2BP01: a column cannot get another type because of what depends on it.
    pub fn column_depended_on(column: &str, dependants: &[String]) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            "column_depended_on",
            format!(
                "other objects depend on column {column}: {}",
                dependants.join("; ")
            ),
            "Drop them, change the column, and make them again for the new type.",
        )
    }
}
