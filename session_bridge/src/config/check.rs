//! Rules a well-formed configuration must keep to be safe.
//!
//! Invariant: what is refused here is refused before a socket is opened.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use super::{Config, ConfigError, IdentityMode, Origin, SslMode};

/// Checks the rules; the first that is broken is the error.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    let rules = [
        listener(config),
        hosts(config),
        handoffs(config),
        audiences(config),
        database(config),
        identity(config),
        keys(config),
    ];
    rules
        .into_iter()
        .find_map(Result::err)
        .map_or(Ok(()), |reason| Err(ConfigError::Refused(reason)))
}

fn listener(config: &Config) -> Result<(), String> {
    let server = &config.server;
    if !server.is_https() && !server.bind.ip().is_loopback() {
        return Err(format!(
            "plain HTTP on {}, which is not loopback: set server.tls, or server.behind_tls_proxy when a proxy ends TLS",
            server.bind
        ));
    }
    let limit = server.rate_limit;
    if limit.per_second == 0 || limit.burst == 0 {
        return Err("server.rate_limit: per_second and burst must be at least 1".to_owned());
    }
    let timeouts = [
        server.request_timeout(),
        server.header_timeout(),
        server.write_timeout(),
        server.streams.lifetime(),
    ];
    let counts = [
        server.max_connections,
        server.max_connections_per_client,
        server.streams.max_per_client,
        server.streams.max_per_session,
    ];
    if timeouts.iter().any(Duration::is_zero) || counts.contains(&0) {
        return Err("server: time-outs and numbers of connections and streams must be at least 1".to_owned());
    }
    if server.streams.max >= server.max_connections {
        return Err(
            "server: streams.max must be less than max_connections, or event streams leave no connection for requests"
                .to_owned(),
        );
    }
    match server.operation_bind {
        Some(address) if !is_internal(address.ip()) => Err(format!(
            "server.operation_bind {address}: plain HTTP is spoken there; use loopback or a private address"
        )),
        _ => Ok(()),
    }
}

/// Loopback, or an address that no router of the Internet forwards (RFC 1918, RFC 4193).
fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

fn hosts(config: &Config) -> Result<(), String> {
    let mut seen = HashSet::new();
    let issuer = match config.identity.mode {
        IdentityMode::Dev => Some(Origin::of_url(&config.identity.issuer)?),
        IdentityMode::Oidc => None,
    };
    let services = config.server.service_hosts.iter().map(String::as_str);
    let apps = config.apps.iter().map(|app| app.origin.host());
    for host in services.chain(apps).chain(issuer.iter().map(Origin::host)) {
        if !seen.insert(host) {
            return Err(format!(
                "host {host} is used twice: every application needs a host of its own"
            ));
        }
    }
    match config
        .apps
        .iter()
        .find(|app| !app.origin.is_https() && !app.origin.is_loopback())
    {
        Some(app) => Err(format!(
            "app {}: browsers keep __Host- cookies for https and *.localhost only",
            app.name
        )),
        None => Ok(()),
    }
}

fn handoffs(config: &Config) -> Result<(), String> {
    let names: HashSet<_> = config.apps.iter().map(|app| app.name.as_str()).collect();
    if names.len() != config.apps.len() {
        return Err("two applications have the same name".to_owned());
    }
    for app in &config.apps {
        match app.handoff_from.as_deref() {
            Some(source) if source == app.name || !names.contains(source) => {
                return Err(format!(
                    "app {}: handoff_from = {source} is not another application",
                    app.name
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn audiences(config: &Config) -> Result<(), String> {
    for app in &config.apps {
        if let Some(audience) = app.audiences.iter().find(|audience| !is_audience(audience)) {
            return Err(format!(
                "app {}: the audience {audience:?} is no URL or name of 1 to 256 visible ASCII characters",
                app.name
            ));
        }
    }
    Ok(())
}

/// What `vpd.sign_identity` takes.
fn is_audience(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.chars().all(|letter| letter.is_ascii_graphic())
}

fn database(config: &Config) -> Result<(), String> {
    let database = &config.database;
    let logins = [
        Some(&database.bridge),
        database.runtime.as_ref(),
        database.keys.as_ref(),
        database.admin.as_ref(),
    ];
    let hosts = logins
        .into_iter()
        .flatten()
        .map(|login| login.host.as_ref().unwrap_or(&database.host));
    for host in hosts.filter(|_| database.sslmode == SslMode::Disable) {
        let is_local = host.starts_with('/')
            || host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !is_local {
            return Err(format!(
                "database.sslmode = disable towards {host}: set verify-full and ca_file"
            ));
        }
    }
    if database.sslmode == SslMode::VerifyFull && database.ca_file.is_none() {
        return Err("database.sslmode = verify-full needs database.ca_file".to_owned());
    }
    if database.pool_size == 0 {
        return Err("database.pool_size must be at least 1".to_owned());
    }
    if config.demo.enabled && database.runtime.is_none() {
        return Err("demo.enabled needs database.runtime".to_owned());
    }
    Ok(())
}

fn identity(config: &Config) -> Result<(), String> {
    let identity = &config.identity;
    let origin = Origin::of_url(&identity.issuer)?;
    match identity.mode {
        IdentityMode::Dev if !config.server.bind.ip().is_loopback() => Err(format!(
            "identity.mode = dev on {}: the development provider answers on loopback only",
            config.server.bind
        )),
        IdentityMode::Dev if !origin.is_loopback() => {
            Err("identity.mode = dev: the issuer must be a *.localhost origin".to_owned())
        }
        IdentityMode::Dev if identity.issuer != origin.as_str() => {
            Err("identity.mode = dev: the issuer must be an origin, without a path".to_owned())
        }
        IdentityMode::Oidc if !identity.dev_users.is_empty() => {
            Err("identity.dev_user is for mode dev: development users never reach another mode".to_owned())
        }
        IdentityMode::Oidc if !origin.is_https() && !origin.is_loopback() => {
            Err(format!("identity.issuer = {}: https is needed", identity.issuer))
        }
        _ => Ok(()),
    }
}

fn keys(config: &Config) -> Result<(), String> {
    let keys = config.keys;
    if keys.pause().is_zero() || keys.interval() < keys.pause() {
        return Err("keys: pause_seconds must be at least 1, and interval_seconds no less".to_owned());
    }
    if config
        .database
        .keys
        .as_ref()
        .is_some_and(|login| login.user == config.database.bridge.user)
    {
        return Err(
            "database.keys: a role of its own, or whoever takes over the bridge has the keys as well"
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        [server]
        bind = "127.0.0.1:8480"
        service_hosts = ["127.0.0.1:8480"]
        [database]
        host = "127.0.0.1"
        port = 5432
        dbname = "demo"
        [database.bridge]
        user = "vpd_bridge"
        [identity]
        mode = "dev"
        issuer = "http://login.localhost:8480"
        client_id = "bridge"
        [[app]]
        name = "portal"
        origin = "http://portal.localhost:8480"
        [[app]]
        name = "floor"
        origin = "http://floor.localhost:8480"
        handoff_from = "portal"
    "#;

    fn verdict(edits: &[(&str, &str)]) -> Result<(), ConfigError> {
        let text = edits.iter().fold(SOUND.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from} is not in the sample");
            text.replace(from, to)
        });
        check(&toml::from_str(&text).unwrap())
    }

    #[test]
    fn sound_configuration_is_accepted() {
        verdict(&[]).unwrap();
    }

    #[test]
    fn unsafe_configurations_are_refused() {
        let bind = "bind = \"127.0.0.1:8480\"";
        let dev = ("mode = \"dev\"", "mode = \"oidc\"");
        let public = (bind, "bind = \"0.0.0.0:8480\"");
        let refused: [&[(&str, &str)]; 14] = [
            &[public, dev],
            &[(bind, "bind = \"0.0.0.0:8480\"\nbehind_tls_proxy = true")],
            &[("http://login.localhost:8480", "http://login.example")],
            &[("http://login.localhost:8480", "http://login.localhost:8480/realm")],
            &[dev, ("http://login.localhost:8480", "http://login.example")],
            &[("host = \"127.0.0.1\"", "host = \"db.example\"")],
            &[("http://floor.localhost:8480", "http://portal.localhost:8480")],
            &[("http://floor.localhost:8480", "http://floor.example")],
            &[("handoff_from = \"portal\"", "handoff_from = \"floor\"")],
            &[("handoff_from = \"portal\"", "audiences = [\"\"]")],
            &[(
                "handoff_from = \"portal\"",
                "audiences = [\"https://stock.example\", \"any thing\"]",
            )],
            &[("[identity]", "[keys]\ninterval_seconds = 5\n[identity]")],
            &[("[identity]", "[database.keys]\nuser = \"vpd_bridge\"\n[identity]")],
            &[(
                "[[app]]\n        name = \"portal\"",
                "[demo]\nenabled = true\n[[app]]\nname = \"portal\"",
            )],
        ];
        for edits in refused {
            assert!(
                matches!(verdict(edits), Err(ConfigError::Refused(_))),
                "accepted {edits:?}"
            );
        }
        verdict(&[(bind, "bind = \"0.0.0.0:8480\"\nbehind_tls_proxy = true"), dev]).unwrap();
    }
}
