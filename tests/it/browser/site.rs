//! The demo as a site of its own: cluster, migrations, order lines, bridge, on ports nobody else has.
//! It is shared by the tests that run at the same time and goes with the last of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use vpd_tests::superstore::{self, Superstore};
use vpd_tests::{Cluster, Extension, Library, Result, until_within};

use super::program::Program;

/// The running demo. The bridge is named first, so that it stops before its database does.
pub struct Site {
    _bridge: Program,
    _cluster: Cluster,
    /// What the figures on the pages are compared with.
    pub file: Superstore,
    port: u16,
}

impl Site {
    /// The site of the tests that run now.
    pub fn shared() -> Result<Arc<Self>> {
        static SITE: Mutex<Weak<Site>> = Mutex::new(Weak::new());
        let mut site = SITE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = site.upgrade() {
            return Ok(site);
        }
        let fresh = Arc::new(Self::start("35 minutes")?);
        *site = Arc::downgrade(&fresh);
        Ok(fresh)
    }

    /// Origin of an application: `portal`, `floor` or `login`.
    pub fn origin(&self, app: &str) -> String {
        origin(app, self.port)
    }

    /// A site of its own, whose sessions end after so long a pause.
    pub fn start(idle_timeout: &str) -> Result<Self> {
        let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        cluster
            .connect("postgres", "postgres")?
            .batch_execute("CREATE DATABASE demo")?;
        let config = std::env::temp_dir().join(format!("vpd-browser-{}-{port}.toml", std::process::id()));
        fs::write(&config, configuration(&cluster, port))?;
        let migrated = Command::new(bridge_program()?)
            .arg("--config")
            .arg(&config)
            .args(["migrate", "--demo"])
            .output()?;
        if !migrated.status.success() {
            return Err(format!("migrate failed:\n{}", String::from_utf8_lossy(&migrated.stderr)).into());
        }
        let mut admin = cluster.connect("postgres", "demo")?;
        admin.execute(
            "SELECT vpd.trust_issuer($1, '{session-bridge}', roles_claim => 'roles', attribute_claims => '{\"app\": \"attributes\"}'),
                    vpd.distrust_issuer('http://login.localhost:8480')",
            &[&origin("login", port)],
        )?;
        for app in ["portal", "floor"] {
            let origins = vec![origin(app, port)];
            admin.execute(
                "SELECT vpd.register_app($1, 'retail', $2, idle_timeout => $3::text::interval)",
                &[&app, &origins, &idle_timeout],
            )?;
        }
        superstore::load(&mut admin)?;
        let log = vpd_tests::log_folder().join(format!("bridge-{}-{port}.log", std::process::id()));
        let arguments = ["--config".as_ref(), config.as_os_str(), "serve".as_ref()];
        let bridge = Program::start(&bridge_program()?, &arguments, &log)?;
        let ready = wait_until_ready(port).and_then(|()| {
            let synced = Command::new(bridge_program()?)
                .arg("--config")
                .arg(&config)
                .args(["keys", "sync"])
                .output()?;
            if synced.status.success() {
                Ok(())
            } else {
                Err(format!("keys sync failed: {}", String::from_utf8_lossy(&synced.stderr)).into())
            }
        });
        fs::remove_file(&config)?;
        if ready.is_err() {
            return Err(format!("the bridge is not ready: {ready:?}\n{}", fs::read_to_string(log)?).into());
        }
        Ok(Self {
            _bridge: bridge,
            _cluster: cluster,
            file: Superstore::read()?,
            port,
        })
    }
}

fn origin(app: &str, port: u16) -> String {
    format!("http://{app}.localhost:{port}")
}

/// The bridge's program lies beside the folder of this test's.
fn bridge_program() -> Result<PathBuf> {
    let program = std::env::current_exe()?
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("session-bridge"));
    match program {
        Some(program) if program.exists() => Ok(program),
        _ => Err("session-bridge is not built: cargo build -p session_bridge".into()),
    }
}

fn configuration(cluster: &Cluster, port: u16) -> String {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../session_bridge/demo");
    let app = |name: &str| {
        format!(
            "[[app]]\nname = '{name}'\norigin = '{}'\npages = '{}'\nshared_pages = '{}'\n",
            origin(name, port),
            demo.join(name).display(),
            demo.join("shared").display()
        )
    };
    format!(
        "[server]
        bind = '127.0.0.1:{port}'
        service_hosts = ['127.0.0.1:{port}']
        [database]
        host = '{socket}'
        port = {database_port}
        dbname = 'demo'
        bridge = {{ user = 'vpd_bridge' }}
        runtime = {{ user = 'vpd_runtime' }}
        keys = {{ user = 'vpd_keys' }}
        admin = {{ user = 'postgres' }}
        [identity]
        mode = 'dev'
        issuer = '{issuer}'
        client_id = 'session-bridge'
        [[identity.dev_user]]
        name = 'alice'
        roles = ['manager']
        attributes = {{ regions = ['West', 'East'] }}
        [[identity.dev_user]]
        name = 'bob'
        roles = ['clerk']
        attributes = {{ regions = ['South'] }}
        [demo]
        enabled = true
        {portal}{floor}handoff_from = 'portal'\n",
        socket = cluster.socket_folder().display(),
        database_port = cluster.port(),
        issuer = origin("login", port),
        portal = app("portal"),
        floor = app("floor"),
    )
}

fn wait_until_ready(port: u16) -> Result<()> {
    until_within(Duration::from_secs(20), "it is ready", || {
        Ok(is_ready(port).unwrap_or(false))
    })
}

fn is_ready(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "GET /ready HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
