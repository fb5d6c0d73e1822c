//! A database of one test, dropped when the test ends.
//! It is never the database of another test: what a test changes, only that test sees.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postgres::error::DbError;
use postgres::{Client, Config, NoTls};

use crate::cluster::template;
use crate::{Cluster, Result, role};

/// A database in a cluster.
#[derive(Debug)]
pub struct Database<'a> {
    cluster: &'a Cluster,
    name: String,
}

/// Warnings and notices a connection received.
#[derive(Debug, Clone, Default)]
pub struct Notices(Arc<Mutex<Vec<DbError>>>);

impl Database<'static> {
    /// A fresh database in the shared cluster, with the extension, and with its profiles granted to the plain roles.
    ///
    /// # Errors
    /// The cluster did not start.
    pub fn create() -> Result<Self> {
        Self::create_in(Cluster::shared()?)
    }

    /// A fresh database in the shared cluster, without the extension; the field of the controls.
    ///
    /// # Errors
    /// The cluster did not start.
    pub fn create_bare() -> Result<Self> {
        Self::create_bare_in(Cluster::shared()?)
    }
}

impl<'a> Database<'a> {
    /// As [`Database::create`], in a cluster of its own.
    ///
    /// # Errors
    /// The server refused.
    pub fn create_in(cluster: &'a Cluster) -> Result<Self> {
        Self::copy_in(cluster, template::DATABASE)
    }

    /// As [`Database::create_in`], but by `CREATE EXTENSION`, so that its objects have OIDs of their own: where a test carries
    /// something from one environment to another.
    ///
    /// # Errors
    /// `CREATE EXTENSION` failed.
    pub fn install_in(cluster: &'a Cluster) -> Result<Self> {
        let database = Self::create_bare_in(cluster)?;
        database.install_extension()?;
        Ok(database)
    }

    /// As [`Database::create_bare`], in a cluster of its own.
    ///
    /// # Errors
    /// The server refused.
    pub fn create_bare_in(cluster: &'a Cluster) -> Result<Self> {
        Self::copy_in(cluster, "template1")
    }

    /// A database whose name was kept, in a cluster that was started again.
    #[must_use]
    pub fn kept(cluster: &'a Cluster, name: String) -> Self {
        Self { cluster, name }
    }

    fn copy_in(cluster: &'a Cluster, template: &str) -> Result<Self> {
        static CREATED: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", CREATED.fetch_add(1, Ordering::Relaxed));
        cluster.connect("postgres", "postgres")?.batch_execute(&format!(
            "CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"
        ))?;
        Ok(Self { cluster, name })
    }

    /// Creates the extension, grants the profiles and registers three applications: `portal` and `floor` in the
    /// pillar `retail`, `ledger` in the pillar `finance`.
    ///
    /// # Errors
    /// A statement failed.
    pub fn install_extension(&self) -> Result<()> {
        Self::install_into(&mut self.admin()?)
    }

    pub(crate) fn install_into(admin: &mut Client) -> Result<()> {
        admin.batch_execute("CREATE EXTENSION pg_vpd CASCADE")?;
        for (profile, role) in [
            ("runtime", role::USER),
            ("bridge", role::BRIDGE),
            // Tests log in whom they like; those of the bridge itself, and attacks on it, have roles of their own.
            ("session_creator", role::BRIDGE),
            ("bridge", role::WEB),
            ("key_steward", role::KEYS),
            ("security_admin", role::SECURITY),
            ("auditor", role::AUDITOR),
        ] {
            admin.execute(
                "SELECT vpd.grant_profile($1, $2::text::regrole)",
                &[&profile, &role],
            )?;
        }
        for (app, pillar) in [("portal", "retail"), ("floor", "retail"), ("ledger", "finance")] {
            admin.execute(
                "SELECT vpd.register_app($1, $2, max_sessions_per_user => 10000)",
                &[&app, &pillar],
            )?;
        }
        Ok(())
    }

    /// Connects as the superuser: to set the scene and to look at results, never to attack.
    ///
    /// # Errors
    /// The server refused.
    pub fn admin(&self) -> Result<Client> {
        self.connect("postgres")
    }

    /// Connects as a role.
    ///
    /// # Errors
    /// The server refused.
    pub fn connect(&self, role: &str) -> Result<Client> {
        self.cluster.connect(role, &self.name)
    }

    /// Connects as a role and keeps the warnings.
    ///
    /// # Errors
    /// The server refused.
    pub fn connect_noticing(&self, role: &str) -> Result<(Client, Notices)> {
        let notices = Notices::default();
        let sink = notices.clone();
        let mut config = self.config(role);
        config.notice_callback(move |notice| {
            sink.0.lock().unwrap_or_else(PoisonError::into_inner).push(notice)
        });
        Ok((config.connect(NoTls)?, notices))
    }

    /// How to connect as a role.
    #[must_use]
    pub fn config(&self, role: &str) -> Config {
        self.cluster.config(role, &self.name)
    }

    /// Leaves the database in its cluster and returns its name, for a test that restarts the server.
    #[must_use]
    pub fn keep(mut self) -> String {
        std::mem::take(&mut self.name)
    }

    /// Name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is in.
    #[must_use]
    pub fn cluster(&self) -> &'a Cluster {
        self.cluster
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        // A cluster that a test stopped takes its databases along.
        if let Ok(mut admin) = self.cluster.connect("postgres", "postgres") {
            let _dropped =
                admin.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

impl Notices {
    /// Takes what arrived since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<DbError> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
