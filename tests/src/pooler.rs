//! A real pgbouncer in transaction mode before a cluster: many clients, few server connections.
//!
//! It lives as long as its value; the settings are the least that works, on loopback alone.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::cluster::as_server_user;
use crate::{Database, Result, role, until};

/// Server connections for all of its clients.
const POOL_SIZE: u32 = 4;

/// A running pgbouncer.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    port: u16,
}

impl Pooler {
    /// Starts it before a database; every client is the run-time role.
    ///
    /// # Errors
    /// The program is missing or does not start.
    pub fn start(database: &Database<'_>) -> Result<Self> {
        let cluster = database.cluster();
        let folder = cluster.socket_folder().to_path_buf();
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let settings = folder.join(format!("pgbouncer-{port}.ini"));
        fs::write(
            &settings,
            format!(
                "[databases]\n{} = host={} port={} user={}\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
                 pool_mode = transaction\ndefault_pool_size = {POOL_SIZE}\nmax_client_conn = 200\n\
                 ignore_startup_parameters = extra_float_digits\n",
                database.name(),
                folder.display(),
                cluster.port(),
                role::USER
            ),
        )?;
        let log = fs::OpenOptions::new().append(true).open(cluster.log())?;
        let process = as_server_user(&folder, &program()?)
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let pooler = Self { process, port };
        until("pgbouncer answers", || {
            Ok(TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        Ok(pooler)
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Server connections for all of its clients.
    #[must_use]
    pub fn pool_size(&self) -> u32 {
        POOL_SIZE
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // One that has gone already needs no stopping.
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

/// The program, as `.ci/deps` unpacked it or as the machine has it.
fn program() -> Result<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/tools/bin/pgbouncer");
    [unpacked, PathBuf::from("/usr/sbin/pgbouncer")]
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| "pgbouncer is missing: run .ci/deps test".into())
}
