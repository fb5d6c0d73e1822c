//! Reads the configuration: the file, then the environment over it.
//!
//! `VPD_BRIDGE__DATABASE__PORT=5433` sets `database.port`. Relative paths are relative to the file. Where the file says nothing,
//! host, port and database name come from `PGHOST`, `PGPORT` and `PGDATABASE`, as in every client of PostgreSQL.

use std::env;
use std::path::Path;

use toml::{Table, Value};

use super::error::ConfigError;
use super::{Config, check};

const PREFIX: &str = "VPD_BRIDGE__";

/// Loads a configuration file, lays the environment over it and checks the whole.
pub fn load(file: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let folder = file.parent().map(|folder| {
        if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        }
    });
    let mut config = parse(&text, env::vars())?;
    absolutize(&mut config, folder.unwrap_or(Path::new(".")));
    check(&config)?;
    Ok(config)
}

fn parse(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    let malformed = |error: &dyn std::fmt::Display| ConfigError::Malformed(error.to_string());
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| malformed(&error))?;
    let mut ambient = Vec::new();
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            let path = path.to_ascii_lowercase();
            set(&mut table, &path.split("__").collect::<Vec<_>>(), typed(value))
                .map_err(|key| ConfigError::Malformed(format!("{name}: {key} is not a table")))?;
        } else {
            ambient.push((name, value));
        }
    }
    supply_libpq_defaults(&mut table, &ambient);
    table
        .try_into()
        .map_err(|error: toml::de::Error| malformed(&error))
}

/// Numbers, booleans and arrays are written as in the file; anything else is text.
fn typed(text: String) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or(Value::String(text))
}

fn set<'a>(table: &mut Table, path: &[&'a str], value: Value) -> Result<(), &'a str> {
    match path {
        [] => Ok(()),
        [key] => {
            table.insert((*key).to_owned(), value);
            Ok(())
        }
        [key, rest @ ..] => table
            .entry((*key).to_owned())
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or(*key)
            .and_then(|inner| set(inner, rest, value)),
    }
}

fn supply_libpq_defaults(table: &mut Table, environment: &[(String, String)]) {
    let Some(database) = table.get_mut("database").and_then(Value::as_table_mut) else {
        return;
    };
    let find = |name: &str| {
        environment
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    for (key, variable, default) in [
        ("host", "PGHOST", "127.0.0.1"),
        ("dbname", "PGDATABASE", "postgres"),
    ] {
        if !database.contains_key(key) {
            let value = find(variable).unwrap_or_else(|| default.to_owned());
            database.insert(key.to_owned(), Value::String(value));
        }
    }
    if !database.contains_key("port") {
        let value = find("PGPORT").map_or(Value::Integer(5432), typed);
        database.insert("port".to_owned(), value);
    }
    if let Some(admin) = database.get_mut("admin").and_then(Value::as_table_mut)
        && !admin.contains_key("host")
        && let Some(host) = find("PGHOST")
    {
        admin.insert("host".to_owned(), Value::String(host));
    }
}

fn absolutize(config: &mut Config, folder: &Path) {
    let logins = [
        Some(&mut config.database.bridge),
        config.database.runtime.as_mut(),
        config.database.keys.as_mut(),
        config.database.admin.as_mut(),
    ];
    let passwords = logins
        .into_iter()
        .flatten()
        .filter_map(|login| login.password_file.as_mut());
    let tls = config
        .server
        .tls
        .iter_mut()
        .flat_map(|tls| [&mut tls.certificate_file, &mut tls.key_file]);
    let pages = config
        .apps
        .iter_mut()
        .flat_map(|app| [app.pages.as_mut(), app.shared_pages.as_mut()])
        .flatten();
    let others = [
        config.database.ca_file.as_mut(),
        config.identity.client_secret_file.as_mut(),
        config.identity.ca_file.as_mut(),
    ];
    for path in passwords
        .chain(tls)
        .chain(pages)
        .chain(others.into_iter().flatten())
    {
        *path = folder.join(&*path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        [server]
        bind = "127.0.0.1:8480"
        [database]
        [database.bridge]
        user = "vpd_bridge"
        [database.admin]
        user = "postgres"
        [identity]
        mode = "oidc"
        issuer = "https://login.example"
        client_id = "bridge"
    "#;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn environment_lies_over_the_file() {
        let config = parse(
            MINIMAL,
            environment(&[
                ("VPD_BRIDGE__DATABASE__PORT", "5433"),
                ("VPD_BRIDGE__SERVER__BIND", "127.0.0.1:9000"),
                ("VPD_BRIDGE__SERVER__RATE_LIMIT__PER_SECOND", "7"),
                ("VPD_BRIDGE__SERVER__RATE_LIMIT__BURST", "9"),
                ("VPD_BRIDGE__SERVER__DENY", r#"["10.0.0.0/8"]"#),
            ]),
        )
        .unwrap();
        assert_eq!(config.database.port, 5433);
        assert_eq!(config.server.bind.port(), 9000);
        assert_eq!(
            (
                config.server.rate_limit.per_second,
                config.server.rate_limit.burst
            ),
            (7, 9)
        );
        assert_eq!(config.server.deny.len(), 1);
    }

    #[test]
    fn libpq_variables_fill_what_the_file_leaves_open() {
        let variables = [
            ("PGHOST", "/run/here"),
            ("PGPORT", "5499"),
            ("PGDATABASE", "demo"),
        ];
        let config = parse(MINIMAL, environment(&variables)).unwrap();
        assert_eq!(
            (config.database.host.as_str(), config.database.port),
            ("/run/here", 5499)
        );
        assert_eq!(config.database.dbname, "demo");
        let with_host = MINIMAL.replace("[database]", "[database]\nhost = '127.0.0.1'");
        let config = parse(&with_host, environment(&variables)).unwrap();
        assert_eq!(config.database.host, "127.0.0.1");
        assert_eq!(config.database.admin.unwrap().host.unwrap(), "/run/here");
    }

    #[test]
    fn misspelt_key_is_an_error() {
        let text = MINIMAL.replace("[database]", "denny = ['10.0.0.0/8']\n[database]");
        assert!(matches!(
            parse(&text, environment(&[])),
            Err(ConfigError::Malformed(_))
        ));
        let variables = [("VPD_BRIDGE__SERVER__DENNY", "[]")];
        assert!(matches!(
            parse(MINIMAL, environment(&variables)),
            Err(ConfigError::Malformed(_))
        ));
    }
}
