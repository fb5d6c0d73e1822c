//! The doctor: checks configuration and database and says what it found.
//!
//! It changes nothing. Invariant: a check that could not be made is a failure, not a silence.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::{Config, IdentityMode};
use crate::db::{EXTENSION_VERSION, Role, connect, create_pool, describe, statement};
use crate::identity::Provider;
use crate::vpd::{app, identity};

/// Most the clocks of bridge and database may differ, in seconds.
const MAX_SKEW: f64 = 5.0;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<(bool, String, String)>,
}

impl Report {
    /// True when every check passed.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|(is_sound, ..)| *is_sound)
    }

    fn add(&mut self, topic: &str, verdict: Result<String, String>) {
        let (is_sound, text) = match verdict {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        self.findings.push((is_sound, topic.to_owned(), text));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (is_sound, topic, text) in &self.findings {
            let mark = if *is_sound { "ok  " } else { "FAIL" };
            writeln!(formatter, "{mark}  {topic:<22} {text}")?;
        }
        let failed = self.findings.iter().filter(|(is_sound, ..)| !is_sound).count();
        match failed {
            0 => writeln!(formatter, "sound"),
            1 => writeln!(formatter, "1 check failed"),
            _ => writeln!(formatter, "{failed} checks failed"),
        }
    }
}

/// Makes every check.
pub async fn examine(config: &Config) -> Report {
    let mut report = Report::default();
    report.add("configuration", Ok(format!("listens on {}", config.server.bind)));
    for (role, profile) in [
        (Role::Bridge, "bridge"),
        (Role::Runtime, "runtime"),
        (Role::Keys, "keys"),
    ] {
        if config.database.login(role).is_ok() {
            examine_role(&mut report, config, role, profile).await;
        }
    }
    report.add("applications", examine_apps(config).await);
    report.add("identity provider", examine_identity(config).await);
    report.add("identity tokens", examine_trust(config).await);
    if config.apps.iter().any(|app| !app.audiences.is_empty()) {
        report.add("tokens for services", examine_own_name(config).await);
    }
    report
}

async fn examine_role(report: &mut Report, config: &Config, role: Role, profile: &str) {
    let topic = |what: &str| format!("{profile}: {what}");
    let (client, connection) = match connect(&config.database, role).await {
        Ok(connected) => connected,
        Err(error) => return report.add(&topic("connection"), Err(error.to_string())),
    };
    let driver = tokio::spawn(connection);
    report.add(
        &topic("connection"),
        Ok(format!("{}:{}", config.database.host, config.database.port)),
    );
    let ask = async |text: &str| {
        let row = client
            .query_one(text, &[])
            .await
            .map_err(|error| describe(&error))?;
        row.try_get::<_, Option<String>>(0)
            .map(Option::unwrap_or_default)
            .map_err(|error| error.to_string())
    };
    let version =
        ask(statement::DOCTOR_VERSION)
            .await
            .and_then(|version| match version == EXTENSION_VERSION {
                true => Ok(version),
                false => Err(format!(
                    "pg_vpd {version:?} is installed, {EXTENSION_VERSION} is needed: run migrate"
                )),
            });
    report.add(&topic("extension"), version);
    let preload = ask(statement::DOCTOR_PRELOAD)
        .await
        .map(|_| "supplies policies".to_owned());
    report.add(&topic("library"), preload);
    report.add(
        &topic("privileges"),
        ask(statement::DOCTOR_ROLE)
            .await
            .and_then(expect_empty("a plain role")),
    );
    let tables = match role {
        Role::Bridge | Role::Keys => ask(statement::DOCTOR_TABLES)
            .await
            .and_then(expect_empty("reads no table")),
        _ => ask(statement::DOCTOR_UNPROTECTED)
            .await
            .and_then(expect_empty("reads tables under policy only")),
    };
    report.add(&topic("tables"), tables);
    let missing = match role {
        Role::Bridge => ask(statement::DOCTOR_BRIDGE_PROFILE).await,
        Role::Keys => ask(statement::DOCTOR_KEYS_PROFILE).await,
        _ => ask(statement::DOCTOR_RUNTIME_PROFILE).await,
    };
    report.add(&topic("profile"), missing.and_then(expect_empty("granted")));
    report.add(
        &topic("clock"),
        ask(statement::DOCTOR_CLOCK)
            .await
            .and_then(|text| examine_clock(&text)),
    );
    drop(client);
    let _ = driver.await;
}

/// The queries name what is wrong; nothing is right.
fn expect_empty(sound: &str) -> impl FnOnce(String) -> Result<String, String> {
    move |found| {
        if found.is_empty() {
            Ok(sound.to_owned())
        } else {
            Err(found)
        }
    }
}

fn examine_clock(database: &str) -> Result<String, String> {
    let database: f64 = database
        .parse()
        .map_err(|_| "the database tells no time".to_owned())?;
    let bridge = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?
        .as_secs_f64();
    let skew = bridge - database;
    let text = format!("differs by {skew:.1} s");
    if skew.abs() <= MAX_SKEW {
        Ok(text)
    } else {
        Err(format!(
            "{text}; identity tokens are judged by the clock of the database"
        ))
    }
}

async fn examine_apps(config: &Config) -> Result<String, String> {
    let pool = create_pool(&config.database, Role::Bridge).map_err(|error| error.to_string())?;
    let registered = app::origins(&pool).await.map_err(|error| error.to_string())?;
    let missing: Vec<_> = config
        .apps
        .iter()
        .filter(|app| !app::is_registered(&registered, app))
        .collect();
    match missing.as_slice() {
        [] => Ok(format!("{} registered with their origins", config.apps.len())),
        [app, ..] => Err(format!(
            "{} is not registered with origin {}: run register-apps",
            app.name, app.origin
        )),
    }
}

async fn examine_identity(config: &Config) -> Result<String, String> {
    match config.identity.mode {
        IdentityMode::Dev => Ok("built-in, for development on this machine only".to_owned()),
        IdentityMode::Oidc => {
            let provider = Provider::new(config.identity.clone())?;
            provider.check().await.map_err(|error| error.to_string())?;
            Ok(config.identity.issuer.clone())
        }
    }
}

/// Whether the database can sign for the audiences that are configured.
async fn examine_own_name(config: &Config) -> Result<String, String> {
    let pool = create_pool(&config.database, Role::Bridge).map_err(|error| error.to_string())?;
    let name = identity::issuer(&pool).await.map_err(|error| error.to_string())?;
    let name = name.ok_or("audiences are configured, and the database has no name: vpd.set_issuer_name")?;
    Ok(format!("signed by {name}"))
}

/// Whether the database lets tokens of the provider open sessions in each application where people log in.
async fn examine_trust(config: &Config) -> Result<String, String> {
    let pool = create_pool(&config.database, Role::Bridge).map_err(|error| error.to_string())?;
    let identity = &config.identity;
    let mut apps: Vec<_> = config.apps.iter().map(|app| Some(app.name.as_str())).collect();
    if apps.is_empty() {
        apps.push(None);
    }
    for app in apps {
        let obstacle = app::obstacle(&pool, &identity.issuer, &identity.client_id, app).await;
        if let Some(obstacle) = obstacle.map_err(|error| error.to_string())? {
            return Err(format!("{} {obstacle}", identity.issuer));
        }
    }
    Ok(format!("{} opens sessions", identity.issuer))
}
