//! Migrations: one at a time, repeatable, with passwords that are in no log.

use std::fs;
use std::path::PathBuf;

use postgres::NoTls;
use serde_json::json;
use session_bridge::config::{Config, read_secret};
use session_bridge::db::{MigrateOptions, Role, create_pool, migrate};
use session_bridge::registration;
use vpd_tests::{Cluster, Extension, Library, Result};

const SECRETS: MigrateOptions = MigrateOptions {
    create_secrets: true,
    demo: false,
};

/// A cluster that logs every statement with its parameters, an empty database, and a folder for the password files.
struct Scene {
    cluster: Cluster,
    secrets: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Result<Self> {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let settings = "log_statement = 'all'\nlog_min_duration_statement = 0";
        let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, settings)?;
        cluster
            .connect("postgres", "postgres")?
            .batch_execute("CREATE DATABASE shop")?;
        let secrets = std::env::temp_dir().join(format!("vpd-secrets-{name}-{}", std::process::id()));
        Ok(Self { cluster, secrets })
    }

    fn config(&self, runtime: &str) -> Result<Config> {
        let login = |user: &str| json!({"user": user, "password_file": self.secrets.join(user)});
        Ok(serde_json::from_value(json!({
            "server": {"bind": "127.0.0.1:8480"},
            "database": {
                "host": "127.0.0.1",
                "port": self.cluster.port(),
                "dbname": "shop",
                "bridge": login("vpd_bridge"),
                "runtime": login(runtime),
                "keys": login("vpd_keys"),
                "admin": {"host": self.cluster.socket_folder(), "user": "postgres"},
            },
            "identity": {"mode": "oidc", "issuer": "https://login.example", "client_id": "bridge"},
        }))?)
    }

    fn password(&self, user: &str) -> Result<String> {
        Ok(read_secret(&self.secrets.join(user))?.expose().to_owned())
    }

    fn log_in(&self, user: &str, password: &str) -> Result<bool> {
        let mut config = postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(self.cluster.port())
            .dbname("shop")
            .user(user)
            .password(password);
        Ok(config.connect(NoTls).is_ok())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.secrets);
    }
}

fn run<T>(work: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work))
}

#[test]
fn migrators_take_turns_and_each_migration_is_applied_once() -> Result<()> {
    let scene = Scene::new("turns")?;
    let config = scene.config("vpd_runtime")?;
    let (one, other) = run(async { tokio::join!(migrate(&config, SECRETS), migrate(&config, SECRETS)) })?;
    let mut counts = [one?.len(), other?.len()];
    counts.sort_unstable();
    let applied: i64 = scene
        .cluster
        .connect("postgres", "shop")?
        .query_one("SELECT count(*) FROM session_bridge.migration", &[])?
        .get(0);
    assert_eq!((counts[0], i64::try_from(counts[1])?), (0, applied));
    assert!(run(migrate(&config, MigrateOptions::default()))??.is_empty());
    Ok(())
}

#[test]
fn password_works_is_changed_with_its_file_and_is_in_no_log() -> Result<()> {
    let scene = Scene::new("passwords")?;
    let config = scene.config("vpd_runtime")?;
    run(migrate(&config, SECRETS))??;
    let first = scene.password("vpd_bridge")?;
    assert!(scene.log_in("vpd_bridge", &first)?);
    assert!(!scene.log_in("vpd_bridge", "vpd_bridge")?);

    assert!(scene.log_in("vpd_keys", &scene.password("vpd_keys")?)?);

    fs::remove_file(scene.secrets.join("vpd_bridge"))?;
    run(migrate(&config, SECRETS))??;
    let second = scene.password("vpd_bridge")?;
    assert!(scene.log_in("vpd_bridge", &second)? && !scene.log_in("vpd_bridge", &first)?);

    let verifier: String = scene
        .cluster
        .connect("postgres", "shop")?
        .query_one(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'vpd_bridge'",
            &[],
        )?
        .get(0);
    let stored = verifier.rsplit('$').next().unwrap_or_default().to_owned();
    let log = fs::read_to_string(scene.cluster.log())?;
    assert!(
        log.contains("vpd.grant_profile"),
        "the control: statements are logged"
    );
    for secret in [first, second, verifier, stored] {
        assert!(!log.contains(&secret), "a password or its verifier is in the log");
    }
    Ok(())
}

#[test]
fn roles_of_the_programs_have_what_they_need_and_none_creates_sessions_by_name() -> Result<()> {
    let scene = Scene::new("roles")?;
    run(migrate(&scene.config("vpd_runtime")?, SECRETS))??;
    let mut admin = scene.cluster.connect("postgres", "shop")?;
    let mut holders = |function: &str| -> Result<Vec<String>> {
        let query = "SELECT r.rolname::text FROM pg_roles r JOIN pg_proc p ON p.pronamespace = 'vpd'::regnamespace AND p.proname = $1
                      WHERE r.rolname LIKE 'vpd\\_%' AND has_function_privilege(r.oid, p.oid, 'EXECUTE') ORDER BY 1";
        Ok(admin
            .query(query, &[&function])?
            .iter()
            .map(|row| row.get(0))
            .collect())
    };
    for (function, expected) in [
        ("create_session", &[][..]),
        ("create_session_from_token", &["vpd_bridge"]),
        ("set_issuer_keys", &["vpd_keys"]),
        ("trust_issuer", &[]),
        ("attach_session", &["vpd_bridge", "vpd_runtime"]),
    ] {
        assert_eq!(holders(function)?, expected, "{function}");
    }
    Ok(())
}

#[test]
fn superuser_keeps_its_password_whatever_the_configuration_says() -> Result<()> {
    let scene = Scene::new("superuser")?;
    let refused = run(migrate(&scene.config("postgres")?, SECRETS))?;
    assert!(refused.is_err_and(|error| error.to_string().contains("superuser")));
    assert!(!scene.log_in("postgres", &scene.password("postgres")?)?);
    Ok(())
}

#[test]
fn nothing_of_the_demo_comes_with_a_migration_and_applications_come_from_the_configuration() -> Result<()> {
    let scene = Scene::new("product")?;
    let config = scene.config("vpd_runtime")?;
    run(migrate(&config, SECRETS))??;
    let mut admin = scene.cluster.connect("postgres", "shop")?;
    let mut state = || -> Result<String> {
        let query = "SELECT format('%s schemas, %s issuers, apps %s',
                                   (SELECT count(*) FROM pg_namespace n WHERE n.nspname = 'demo'),
                                   (SELECT count(*) FROM vpd.issuers),
                                   (SELECT coalesce(string_agg(concat_ws(' ', a.name, a.pillar, a.origins, a.idle_timeout), '; ' ORDER BY a.name), 'none') FROM vpd.apps a))";
        Ok(admin.query_one(query, &[])?.get(0))
    };
    assert_eq!(state()?, "0 schemas, 0 issuers, apps none");

    let demo = MigrateOptions {
        demo: true,
        ..SECRETS
    };
    let refused = run(migrate(&config, demo))?;
    assert!(refused.is_err_and(|error| error.to_string().contains("identity.mode dev")));
    assert_eq!(state()?, "0 schemas, 0 issuers, apps none");

    let with_apps = |apps: serde_json::Value| -> Result<Config> {
        let mut config = config.clone();
        config.apps = serde_json::from_value(apps)?;
        Ok(config)
    };
    let apps = with_apps(json!([
        {"name": "shop", "origin": "https://shop.example"},
        {"name": "till", "origin": "https://till.example", "pillar": "retail"},
    ]))?;
    assert_eq!(
        run(registration::run(&apps))??,
        ["shop registered", "till registered"]
    );
    assert_eq!(
        state()?,
        "0 schemas, 0 issuers, apps shop default {https://shop.example} 00:35:00; till retail {https://till.example} 00:35:00"
    );
    // What somebody set since then stays.
    scene.cluster.connect("postgres", "shop")?.batch_execute(
        "SELECT vpd.register_app('shop', 'default', '{https://shop.example}', idle_timeout => '5 minutes')",
    )?;
    let moved = with_apps(json!([
        {"name": "shop", "origin": "https://new.example"},
        {"name": "till", "origin": "https://till.example", "pillar": "other"},
    ]))?;
    let said = run(registration::run(&moved))??;
    assert_eq!(said[0], "shop has one more origin");
    assert!(
        said[1].starts_with("till is in pillar retail, and stays there"),
        "{said:?}"
    );
    let expected = "0 schemas, 0 issuers, apps shop default {https://shop.example,https://new.example} 00:05:00; till retail {https://till.example} 00:35:00";
    assert_eq!(state()?, expected);
    // All or none.
    let bad = with_apps(json!([
        {"name": "desk", "origin": "https://desk.example"},
        {"name": "No name", "origin": "https://bad.example"},
    ]))?;
    assert!(run(registration::run(&bad))?.is_err());
    assert_eq!(state()?, expected);
    Ok(())
}

#[test]
fn a_pool_connects_with_the_password_that_the_file_has_then() -> Result<()> {
    let scene = Scene::new("replaced")?;
    let config = scene.config("vpd_runtime")?;
    run(migrate(&config, SECRETS))??;
    run(async {
        let pool = create_pool(&config.database, Role::Bridge)?;
        let stands = pool.get().await?;
        fs::remove_file(scene.secrets.join("vpd_bridge"))?;
        migrate(&config, SECRETS).await?;
        // The first is still out, so this is another.
        let another = pool.get().await?;
        for client in [&stands, &another] {
            client.query_one("SELECT 1", &[]).await?;
        }
        // A file that cannot be read is as if it had not been replaced.
        fs::write(scene.secrets.join("vpd_bridge"), "")?;
        assert!(
            pool.get().await.is_err(),
            "the password of the start is no longer that of the role"
        );
        Ok(())
    })?
}
