//! The server and the tables of the measurements: the same rows under our policies, under native twins, and unprotected.

use crate::bound::Bound;
use crate::contest::{Pace, Side, Target, compare};
use crate::table;
use postgres::Client;
use serde_json::json;
use std::time::Duration;
use vpd_tests::{Cluster, Database, Extension, Library, Result, Subject, add_policy, role};

/// Rows of each table.
pub const ROWS: i32 = 100_000;

/// Rows the reader may see: those of one region.
pub const VISIBLE: i32 = ROWS / 4;

/// Region of the reader.
pub const REGION: &str = "East";

/// The extension that encrypts columns, when its source was given.
pub const COLUMN_ENCRYPT: &str = "column_encrypt";

/// What the figures ask for, and the durability a server has by default; a checkpoint would fall on one side only.
const SETTINGS: &str = "
jit = off
max_parallel_workers_per_gather = 0
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 1h
autovacuum = off
";

/// Tenants go with regions, so that every policy shows the same rows.
const PLAIN: &str = "
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;
CREATE TABLE bench.plain AS
    SELECT n AS id,
           (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4] AS region,
           md5((n % 4)::text)::uuid AS tenant,
           n % 1000 AS amount,
           md5(n::text) AS note
      FROM generate_series(1, ROWS) n;
ALTER TABLE bench.plain ADD PRIMARY KEY (id);
GRANT SELECT ON bench.plain TO app_user;
";

/// A table under our policy, and the same under a native one.
pub struct Twins {
    /// Name of our table; the native one has the suffix `_native`.
    pub table: &'static str,
    /// Our predicate.
    pub ours: &'static str,
    /// The native predicate.
    pub theirs: &'static str,
}

/// The pairs. The first has its native twin in the form of an expert, the others in the form most people write.
pub const TWINS: [Twins; 4] = [
    Twins {
        table: "expert",
        ours: "region = vpd.attribute('app', 'region')",
        theirs: "region = (SELECT current_setting('app.region'))",
    },
    Twins {
        table: "text",
        ours: "region = vpd.attribute('app', 'region')",
        theirs: "region = current_setting('app.region')",
    },
    Twins {
        table: "uuid",
        ours: "tenant = vpd.attribute('app', 'tenant')::uuid",
        theirs: "tenant = current_setting('app.tenant')::uuid",
    },
    Twins {
        table: "list",
        ours: "region = ANY (vpd.attribute_list('app', 'regions'))",
        theirs: "region = ANY (string_to_array(current_setting('app.regions'), ','))",
    },
];

/// The settings the native twins read.
const IDENTIFY: &str = "
BEGIN;
SELECT set_config('app.region', 'East', true), set_config('app.regions', 'East', true),
       set_config('app.tenant', md5('1')::uuid::text, true);
";

/// The database everything is measured in.
pub struct Scene<'a> {
    /// The database.
    pub database: Database<'a>,
    /// A session of the region.
    pub token: String,
    /// What no row may exceed.
    pub bound: Bound,
}

/// A server with the release build.
pub fn start_server() -> Result<Cluster> {
    let extension = Extension::release()?;
    let mut settings = SETTINGS.to_owned();
    if extension.comes_with(COLUMN_ENCRYPT) {
        settings += &format!("shared_preload_libraries = 'pg_vpd,{COLUMN_ENCRYPT}'\n");
    }
    Cluster::start(&extension, Library::Preloaded, &settings)
}

/// The same server without the library.
pub fn start_server_without_library() -> Result<Cluster> {
    Cluster::start(&Extension::release()?, Library::NotPreloaded, SETTINGS)
}

/// The table that nothing protects, the only one of a server without the library.
pub fn create_plain_table(database: &Database<'_>) -> Result<()> {
    let mut admin = database.admin()?;
    admin.batch_execute(&PLAIN.replace("ROWS", &ROWS.to_string()))?;
    admin.batch_execute("VACUUM ANALYZE")?;
    Ok(())
}

/// The rows of the plain table under another name.
pub fn copy_plain_table(admin: &mut Client, table: &str) -> Result<()> {
    admin.batch_execute(&format!(
        "CREATE TABLE bench.{table} AS TABLE bench.plain;
         ALTER TABLE bench.{table} ADD PRIMARY KEY (id);
         GRANT SELECT ON bench.{table} TO app_user"
    ))?;
    Ok(())
}

impl<'a> Scene<'a> {
    /// Creates the tables, the policies and a session.
    pub fn create(cluster: &'a Cluster, bound: Duration) -> Result<Self> {
        let database = Database::create_in(cluster)?;
        create_plain_table(&database)?;
        let mut admin = database.admin()?;
        let mut security = database.connect(role::SECURITY)?;
        for twins in &TWINS {
            let Twins { table, ours, theirs } = twins;
            for table in [(*table).to_owned(), format!("{table}_native")] {
                copy_plain_table(&mut admin, &table)?;
            }
            admin.batch_execute(&format!(
                "ALTER TABLE bench.{table}_native ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY by_context ON bench.{table}_native USING ({theirs})"
            ))?;
            add_policy(&mut security, &format!("bench.{table}"), "by_context", ours)?;
        }
        admin.batch_execute("VACUUM ANALYZE")?;
        admin.batch_execute("CHECKPOINT")?;
        let tenant: String = admin.query_one("SELECT md5('1')::uuid::text", &[])?.get(0);
        let token = Subject::new("alice")
            .attributes(json!({ "app": { "region": REGION, "regions": [REGION], "tenant": tenant } }))
            .log_in(&database)?;
        let bound = Bound::new(cluster, bound)?;
        Ok(Self {
            database,
            token,
            bound,
        })
    }

    /// Measures a row and prints it.
    pub fn row(
        &self,
        id: &str,
        what: &str,
        pace: &Pace,
        target: Target,
        ours: Side<'_>,
        theirs: Side<'_>,
    ) -> Result<()> {
        match self.bound.within(|| compare(pace, target, ours, theirs))? {
            Some(outcome) => table::print(id, what, target, &outcome),
            None => table::print_endless(id, what, self.bound.limit()),
        }
        Ok(())
    }

    /// A connection of the run-time role in a transaction with the session attached.
    pub fn reader(&self) -> Result<Client> {
        let mut user = self.database.connect(role::USER)?;
        user.batch_execute("BEGIN")?;
        user.execute("SELECT vpd.attach_session($1)", &[&self.token])?;
        Ok(user)
    }

    /// A connection of the run-time role in a transaction with the settings of the native twins and without a session.
    pub fn native_reader(&self) -> Result<Client> {
        let mut user = self.database.connect(role::USER)?;
        user.batch_execute(IDENTIFY)?;
        Ok(user)
    }
}
