//! The server and the tables of the measurements: the same rows under our policy, under native twins, and unprotected.

use postgres::Client;
use vpd_tests::{Cluster, Database, Extension, Library, Result, Subject, add_policy, role};

/// Rows of each table.
pub const ROWS: i32 = 100_000;

/// Region of the user who reads; a quarter of the rows.
pub const REGION: &str = "East";

/// What the acceptance figures ask for, and the durability a server has by default.
const SETTINGS: &str = "
jit = off
max_parallel_workers_per_gather = 0
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 512MB
max_wal_size = 4GB
autovacuum = off
";

const TABLES: &str = "
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;
CREATE TABLE bench.plain AS
    SELECT n AS id, (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4] AS region, n % 1000 AS amount,
           md5(n::text) AS note
      FROM generate_series(1, ROWS) n;
CREATE TABLE bench.guarded AS TABLE bench.plain;
CREATE TABLE bench.expert AS TABLE bench.plain;
CREATE TABLE bench.usual AS TABLE bench.plain;
ALTER TABLE bench.plain ADD PRIMARY KEY (id);
ALTER TABLE bench.guarded ADD PRIMARY KEY (id);
ALTER TABLE bench.expert ADD PRIMARY KEY (id);
ALTER TABLE bench.usual ADD PRIMARY KEY (id);
ALTER TABLE bench.expert ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_region ON bench.expert USING (region = (SELECT current_setting('app.region', true)));
ALTER TABLE bench.usual ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_region ON bench.usual USING (region = current_setting('app.region', true));
GRANT SELECT ON ALL TABLES IN SCHEMA bench TO app_user;
";

/// The database everything is measured in.
pub struct Scene<'a> {
    /// The database.
    pub database: Database<'a>,
    /// A session of the region.
    pub token: String,
}

/// A server with the release build.
pub fn start_server() -> Result<Cluster> {
    Cluster::start(&Extension::release()?, Library::Preloaded, SETTINGS)
}

/// The same server without the library.
pub fn start_server_without_library() -> Result<Cluster> {
    Cluster::start(&Extension::release()?, Library::NotPreloaded, SETTINGS)
}

/// Tables without ours, for a server without the library.
pub fn create_plain_tables(database: &Database<'_>) -> Result<()> {
    let mut admin = database.admin()?;
    admin.batch_execute(&TABLES.replace("ROWS", &ROWS.to_string()))?;
    admin.batch_execute("VACUUM ANALYZE")?;
    Ok(())
}

impl<'a> Scene<'a> {
    /// Creates the tables, the policy and a session.
    pub fn create(cluster: &'a Cluster) -> Result<Self> {
        let database = Database::create_in(cluster)?;
        create_plain_tables(&database)?;
        let mut security = database.connect(role::SECURITY)?;
        add_policy(
            &mut security,
            "bench.guarded",
            "by_region",
            "region = vpd.attribute('app', 'region')",
        )?;
        let token = Subject::in_region("alice", REGION).log_in(&database)?;
        Ok(Self { database, token })
    }

    /// A connection of the run-time role in a transaction with the session attached and the setting of the twins made.
    pub fn reader(&self) -> Result<Client> {
        let mut user = self.database.connect(role::USER)?;
        user.batch_execute(&format!("BEGIN; SET LOCAL app.region = '{REGION}'"))?;
        user.execute("SELECT vpd.attach_session($1)", &[&self.token])?;
        Ok(user)
    }
}
