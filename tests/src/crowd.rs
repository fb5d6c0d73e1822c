//! A great many sessions, made of one in SQL, and what a statement reads among them.
//!
//! The rows are those the functions make, each session of another user; made by the functions they would take minutes.

use postgres::{Client, Transaction};

use crate::Result;

/// Rows and index entries of the library's tables that this transaction has read.
const READ: &str = "SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid)), 0)::bigint
                      FROM pg_class c
                      JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = 'vpd_private' AND c.relkind IN ('r', 'i')";

/// The columns of the table of sessions, taken from the model but for the identifiers, the user and the clocks.
const COLUMNS: &str = "SELECT string_agg(CASE WHEN a.attname IN ('id', 'root_id') THEN 'n.id'
                                              WHEN a.attname = 'user_name' THEN '''user '' || n.number'
                                              WHEN a.attname IN ('created_at', 'last_access_at', 'expires_at')
                                                  THEN 's.' || a.attname || ' - n.age'
                                              ELSE 's.' || quote_ident(a.attname) END, ', ' ORDER BY a.attnum)
                         FROM pg_attribute a
                        WHERE a.attrelid = 'vpd_private.session'::regclass AND a.attnum > 0 AND NOT a.attisdropped";

/// Sessions like the one there is of a user, each a microsecond younger than the one before.
#[derive(Debug, Clone, Copy)]
pub struct Crowd<'a> {
    /// Whose session is the model.
    pub model: &'a str,
    /// How many.
    pub count: i64,
    /// How much longer ago than the model the first of them logged in and was used last.
    pub age: &'a str,
}

impl Crowd<'_> {
    /// Puts the sessions into the tables, each with a token, what it may do, a use and a spent message. The temporary table `crowd` has their
    /// identifiers.
    ///
    /// # Errors
    /// A table is not as the functions know it.
    pub fn gather(&self, admin: &mut Client) -> Result<()> {
        let columns: String = admin.query_one(COLUMNS, &[])?.get(0);
        let Self { model, count, age } = self;
        let hash = |what: &str| format!("sha256(convert_to('{what} ' || n.id, 'UTF8'))");
        admin.batch_execute(&format!(
            "DROP TABLE IF EXISTS pg_temp.crowd;
             CREATE TEMP TABLE crowd AS
                 SELECT number, gen_random_uuid() AS id, interval '{age}' - number * interval '1 microsecond' AS age
                   FROM generate_series(1, {count}) number;
             INSERT INTO vpd_private.session SELECT {columns} FROM vpd_private.session s, crowd n WHERE s.user_name = '{model}';
             INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, issued_at, made_in)
             SELECT {token}, n.id, 'portal', true, clock_timestamp() - n.age, 0 FROM crowd n;
             INSERT INTO vpd_private.session_authority
             SELECT n.id, a.version, a.valid_until, a.environment, a.roles, a.privileges, a.data_groups, a.reports, a.groups
               FROM vpd_private.session s
               JOIN vpd_private.session_authority a ON a.session_id = s.id
              CROSS JOIN crowd n
              WHERE s.user_name = '{model}';
             INSERT INTO vpd_private.session_use (root_id, used_at)
             SELECT s.id, s.last_access_at FROM vpd_private.session s JOIN crowd n ON n.id = s.id;
             INSERT INTO vpd_private.message_spent (message_hash, root_id) SELECT {message}, n.id FROM crowd n",
            token = hash("token"),
            message = hash("message"),
        ))?;
        Ok(())
    }
}

/// What work in a transaction gives, and how many rows and index entries of the library's tables it reads.
///
/// # Errors
/// Those of the work.
pub fn rows_read<R>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<R>,
) -> Result<(R, i64)> {
    let before: i64 = transaction.query_one(READ, &[])?.get(0);
    let given = work(transaction)?;
    let after: i64 = transaction.query_one(READ, &[])?.get(0);
    Ok((given, after - before))
}
