//! What every cluster begins with, made once for the process: the data directory that `initdb` leaves, with the plain roles, and
//! with a database in which the extension was created.
//!
//! It is not a fixture: no test writes into it. Databases that are copied from it share what `CREATE EXTENSION` made, OIDs too;
//! where a test is about that, it creates the extension itself. Invariant: nobody connects to the database, and the server has no
//! statistics of it, so that no autovacuum changes what later copies are planned with, and no purge has run there.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::{Cluster, Library, SETTINGS, run};
use crate::{Database, Extension, Result, role};

/// Name of the database with the extension.
pub const DATABASE: &str = "vpd_template";

/// The stopped clusters that are copied, by the extension that was created in them.
static MADE: LazyLock<Mutex<HashMap<Extension, Cluster>>> = LazyLock::new(Mutex::default);

/// Fills the empty data folder of a cluster.
pub fn copy_to(cluster: &Cluster) -> Result<()> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !made.contains_key(&cluster.extension) {
        made.insert(cluster.extension.clone(), make(&cluster.extension)?);
    }
    let template = made.get(&cluster.extension).ok_or("no template")?;
    run(Command::new("cp")
        .args(["--archive", "--reflink=auto"])
        .arg(template.data_folder().join("."))
        .arg(cluster.data_folder()))
}

fn make(extension: &Extension) -> Result<Cluster> {
    let mut cluster = Cluster::in_fresh_folder(
        extension,
        format!("{SETTINGS}autovacuum = off\nmax_worker_processes = 0\n"),
    )?;
    initialize(&cluster)?;
    cluster.start_on_free_port(Library::Preloaded)?;
    let mut admin = cluster.connect("postgres", "postgres")?;
    for name in role::ALL.into_iter().chain(role::PROGRAMS) {
        admin.batch_execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'"))?;
    }
    admin.batch_execute(&format!("CREATE DATABASE {DATABASE}"))?;
    Database::install_into(&mut cluster.connect("postgres", DATABASE)?)?;
    admin.batch_execute(&format!(
        "ALTER DATABASE {DATABASE} IS_TEMPLATE true ALLOW_CONNECTIONS false"
    ))?;
    drop(admin);
    cluster.pg_ctl(&["stop", "-m", "fast"])?;
    fs::remove_file(cluster.data_folder().join("pg_stat/pgstat.stat"))?;
    Ok(cluster)
}

fn initialize(cluster: &Cluster) -> Result<()> {
    let data = cluster.data_folder();
    run(cluster
        .server_program("initdb")
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--no-sync", "--no-instructions", "-D"])
        .arg(&data))?;
    fs::write(
        data.join("pg_hba.conf"),
        "local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
    )?;
    Ok(())
}
