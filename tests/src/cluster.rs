//! A temporary PostgreSQL cluster: own folder, own port, unix socket and loopback only.
//!
//! It is not for data anyone wants to keep: nothing is synced to disk. A reaper, a shell that waits for the end
//! of a pipe this process holds, stops the server and removes the folder, so that a panic, a kill or a normal exit
//! all leave nothing behind.

pub(crate) mod template;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use postgres::{Client, Config, NoTls};

use crate::{Extension, Result, secrets, until};

/// How a server meets the library of the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// In `shared_preload_libraries`, as it should be.
    Preloaded,
    /// Its file is there, but the server was started without it.
    NotPreloaded,
    /// Its file is gone.
    Absent,
}

/// A running server and its folder.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    settings: String,
    extension: Extension,
    reaper: Option<Child>,
}

/// What makes a throw-away server fast, quiet and roomy enough for the tests, with a master key that is worth nothing.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
fsync = off
synchronous_commit = off
full_page_writes = off
jit = off
max_connections = 300
max_prepared_transactions = 8
max_worker_processes = 64
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
vpd.master_key_command = 'echo test = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
";

impl Cluster {
    /// The cluster all tests of this process share, each with a database of its own.
    ///
    /// # Errors
    /// It could not be started; the first reason is given to every test.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Cluster, String>> = OnceLock::new();
        let start = || Self::start(&Extension::debug()?, Library::Preloaded, "");
        match SHARED.get_or_init(|| start().map_err(|error| error.to_string())) {
            Ok(cluster) => Ok(cluster),
            Err(reason) => Err(reason.clone().into()),
        }
    }

    /// A second shared cluster, for tests that count what happens: one of them works in it at a time, so that nobody else's
    /// definitions, and no autovacuum, make a backend forget what it knows.
    ///
    /// # Errors
    /// It could not be started; the first reason is given to every test.
    pub fn quiet() -> Result<(MutexGuard<'static, ()>, &'static Self)> {
        static QUIET: OnceLock<std::result::Result<Cluster, String>> = OnceLock::new();
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || Self::start(&Extension::debug()?, Library::Preloaded, "autovacuum = off");
        match QUIET.get_or_init(|| start().map_err(|error| error.to_string())) {
            Ok(cluster) => Ok((turn, cluster)),
            Err(reason) => Err(reason.clone().into()),
        }
    }

    /// Starts a cluster of its own, for a test that changes the server; `settings` are lines of postgresql.conf.
    /// Its data directory is a copy, with the plain roles and with the database that others are made from.
    ///
    /// # Errors
    /// A program of PostgreSQL is missing or failed.
    pub fn start(extension: &Extension, library: Library, settings: &str) -> Result<Self> {
        let mut cluster = Self::in_fresh_folder(extension, format!("{SETTINGS}{settings}\n"))?;
        template::copy_to(&cluster)?;
        cluster.start_on_free_port(library)?;
        Ok(cluster)
    }

    /// Starts a hot standby that follows this server.
    ///
    /// # Errors
    /// A program of PostgreSQL is missing or failed.
    pub fn start_standby(&self) -> Result<Self> {
        let source = format!("host={} port={} user=postgres", self.folder.display(), self.port);
        let settings = format!("{}\nprimary_conninfo = '{source}'\n", self.settings);
        let mut standby = Self::in_fresh_folder(&self.extension, settings)?;
        run(standby
            .server_program("pg_basebackup")
            .args(["--checkpoint=fast", "--no-sync", "--dbname", &source, "--pgdata"])
            .arg(standby.data_folder()))?;
        fs::write(standby.data_folder().join("standby.signal"), "")?;
        standby.start_on_free_port(Library::Preloaded)?;
        Ok(standby)
    }

    /// Adds lines to postgresql.conf for when the server is started again.
    pub fn set(&mut self, settings: &str) {
        self.settings += settings;
        self.settings.push('\n');
    }

    /// Stops the server and starts it again, perhaps with the library in another state.
    ///
    /// # Errors
    /// The server did not stop or did not start.
    pub fn restart(&mut self, library: Library) -> Result<()> {
        self.pg_ctl(&["stop", "-m", "fast"])?;
        self.start_on_free_port(library)
    }

    /// Kills a process of the server the hard way, so that the server falls, and waits until it has recovered.
    ///
    /// # Errors
    /// There is no such process, or the server does not recover.
    pub fn crash(&self, process: i32) -> Result<()> {
        self.end_hard("-9", &process.to_string())
    }

    fn end_hard(&self, signal: &str, process: &str) -> Result<()> {
        // The server ends every connection when it falls.
        let mut witness = self.connect("postgres", "postgres")?;
        run(as_server_user(&self.folder, Path::new("kill")).args([signal, process]))?;
        until("the server fell", || {
            Ok(witness.batch_execute("SELECT 1").is_err())
        })?;
        until("the server recovered", || {
            Ok(self
                .connect("postgres", "postgres")
                .is_ok_and(|mut admin| admin.batch_execute("SELECT 1").is_ok()))
        })
    }

    /// Lets a process of the server take so many bytes more than it has.
    ///
    /// # Errors
    /// There is no such process, or no program `prlimit`.
    pub fn limit_memory(&self, process: i32, more: u64) -> Result<()> {
        let sizes = fs::read_to_string(format!("/proc/{process}/statm"))?;
        let pages: u64 = sizes.split_whitespace().next().ok_or("no size")?.parse()?;
        let limit = pages * 4096 + more;
        run(as_server_user(&self.folder, Path::new("prlimit")).args([
            "--pid",
            &process.to_string(),
            &format!("--as={limit}:{limit}"),
        ]))
    }

    /// Lets a process of the server write no file that is larger, as if the disk were full.
    ///
    /// # Errors
    /// There is no such process, or no program `prlimit`.
    pub fn limit_files(&self, process: i32, bytes: u64) -> Result<()> {
        run(as_server_user(&self.folder, Path::new("prlimit")).args([
            "--pid",
            &process.to_string(),
            &format!("--fsize={bytes}:{bytes}"),
        ]))
    }

    /// Aborts a process of the server so that the kernel writes a core dump of it, and waits until the server has recovered.
    ///
    /// # Errors
    /// There is no such process, or no program `prlimit`, or it may write none.
    pub fn abort(&self, process: i32) -> Result<()> {
        let process = process.to_string();
        run(as_server_user(&self.folder, Path::new("prlimit")).args([
            "--pid",
            &process,
            "--core=unlimited:unlimited",
        ]))?;
        self.end_hard("-ABRT", &process)
    }

    /// How to connect as a role; the unix socket trusts the name.
    #[must_use]
    pub fn config(&self, role: &str, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(&self.folder)
            .port(self.port)
            .user(role)
            .dbname(database);
        config
    }

    /// Connects as a role.
    ///
    /// # Errors
    /// The server refused.
    pub fn connect(&self, role: &str, database: &str) -> Result<Client> {
        Ok(self.config(role, database).connect(NoTls)?)
    }

    /// A client program of the server's package, told to connect as a role; the name of the database is still to be given.
    #[must_use]
    pub fn client_program(&self, name: &str, role: &str) -> Command {
        let mut command = Command::new(bin_folder().join(name));
        for variable in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS"] {
            command.env_remove(variable);
        }
        command
            .arg("--host")
            .arg(&self.folder)
            .args(["--port", &self.port.to_string(), "--username", role]);
        command
    }

    /// Folder of the unix socket.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// Port of the unix socket and of 127.0.0.1, where every role's password is its name.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Folder of the data files.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The server's log; it stays after the cluster is gone, for the scan for secrets.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        secrets::log_folder().join(format!("{name}.log"))
    }

    /// A folder with the extension and an empty folder for data, and the reaper that will remove it.
    fn in_fresh_folder(extension: &Extension, settings: String) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("vpd-{}-{number}", process::id()));
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let reaper = Some(reaper(&folder)?);
        let cluster = Self {
            folder,
            port: 0,
            settings,
            extension: extension.clone(),
            reaper,
        };
        extension.copy_to(&cluster.folder.join("ext"))?;
        let data = cluster.data_folder();
        fs::create_dir(&data)?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        fs::create_dir_all(secrets::log_folder())?;
        fs::write(cluster.log(), "")?;
        // The server's user owns what the server writes.
        if is_root() {
            for path in [&cluster.folder, &data] {
                run(Command::new("chown").arg("postgres:postgres").arg(path))?;
            }
        }
        Ok(cluster)
    }

    /// Somebody else may take the port between the look and the start, so it tries a few.
    fn start_on_free_port(&mut self, library: Library) -> Result<()> {
        let mut result = Ok(());
        for _ in 0..3 {
            self.port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            self.write_settings(library)?;
            result = self.pg_ctl(&["start", "-t", "60"]);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn write_settings(&self, library: Library) -> Result<()> {
        let tree = self.folder.join("ext");
        let hidden = self.folder.join("ext.absent");
        if hidden.exists() {
            fs::rename(&hidden, &tree)?;
        }
        let mut settings = format!(
            "{}\nport = {}\nunix_socket_directories = '{}'\n",
            self.settings,
            self.port,
            self.folder.display()
        );
        if library == Library::Absent {
            fs::rename(&tree, &hidden)?;
        } else {
            let libraries = Extension::library_folder(&tree)?;
            settings += &format!(
                "extension_destdir = '{}'\ndynamic_library_path = '{}:$libdir'\n",
                tree.display(),
                libraries.display()
            );
        }
        // Who names other libraries beside it has said so himself.
        if library == Library::Preloaded && !self.settings.contains("shared_preload_libraries") {
            settings += "shared_preload_libraries = 'pg_vpd'\n";
        }
        fs::write(self.data_folder().join("postgresql.auto.conf"), settings)?;
        Ok(())
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<()> {
        // pg_ctl appends to the log as the server's user; the file was made by this one.
        let log = fs::OpenOptions::new().append(true).open(self.log())?;
        let mut command = self.server_program("pg_ctl");
        command
            .args(arguments)
            .args(["-w", "-s", "-D"])
            .arg(self.data_folder());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let status = command.status()?;
        if !status.success() {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            return Err(format!("pg_ctl {arguments:?} failed ({status}):\n{log}").into());
        }
        Ok(())
    }

    fn server_program(&self, name: &str) -> Command {
        server_program(&self.folder, name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut reaper) = self.reaper.take() {
            drop(reaper.stdin.take());
            // A reaper that cannot be waited for still does its work.
            let _status = reaper.wait();
        }
    }
}

/// Where the programs of PostgreSQL are.
fn bin_folder() -> PathBuf {
    std::env::var_os("PG_BIN").map_or_else(|| PathBuf::from("/usr/lib/postgresql/15/bin"), PathBuf::from)
}

/// Makes the server's user the owner of a file.
///
/// # Errors
/// There is no such file.
pub fn give_to_server(path: &Path) -> Result<()> {
    if is_root() {
        run(Command::new("chown").arg("postgres:postgres").arg(path))?;
    }
    Ok(())
}

/// PostgreSQL refuses to run as root, so there its programs run as the user `postgres`.
/// A panic in the server must not show backtraces to clients, so their switch is not handed on.
fn server_program(folder: &Path, name: &str) -> Command {
    as_server_user(folder, &bin_folder().join(name))
}

/// A program run as the user who owns what the server writes.
pub(crate) fn as_server_user(folder: &Path, program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .current_dir(folder)
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE");
    for variable in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGDATA", "PGOPTIONS"] {
        command.env_remove(variable);
    }
    command
}

/// In a process group of its own, so that an interrupt from the terminal does not reach it before its work.
fn reaper(folder: &Path) -> Result<Child> {
    let stop = server_program(Path::new("/"), "pg_ctl");
    let mut command = Command::new("sh");
    command
        .args(["-c", "cat >/dev/null; \"$@\"; cd /; rm -rf \"$0\""])
        .arg(folder)
        .arg(stop.get_program())
        .args(stop.get_args())
        .args(["stop", "-m", "immediate", "-w", "-s", "-D"])
        .arg(folder.join("data"));
    Ok(command
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(())
}
