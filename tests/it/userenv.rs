//! The namespace USERENV: what has a true counterpart is answered, everything else is refused with the list of what is there.

use postgres::{Config, GenericClient, NoTls};
use vpd_tests::{Database, Result, assert_refused, attach, role};

fn env(client: &mut impl GenericClient, name: &str) -> Result<Option<String>> {
    Ok(client
        .query_one("SELECT vpd.sys_context('USERENV', $1)", &[&name])?
        .get(0))
}

/// A session with a language, a territory and a date format; its token.
fn log_in(database: &Database<'_>) -> Result<String> {
    let row = database.connect(role::BRIDGE)?.query_one(
        "SELECT vpd.create_session('alice', 'portal', language => 'de', territory => 'AT', date_format => 'DD.MM.YYYY')",
        &[],
    )?;
    Ok(row.get(0))
}

/// Each attribute beside the server's own way to say it.
#[test]
fn what_the_server_knows_is_told_under_oracles_names() -> Result<()> {
    let database = Database::create()?;
    let token = log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET application_name = 'orders'; BEGIN")?;
    attach(&mut user, &token)?;
    user.batch_execute("SET search_path = vpd")?;
    for (name, expression) in [
        ("SESSION_USER", "session_user"),
        (
            "SESSION_USERID",
            "(SELECT oid FROM pg_roles WHERE rolname = session_user)",
        ),
        ("CURRENT_USER", "current_user"),
        (
            "CURRENT_USERID",
            "(SELECT oid FROM pg_roles WHERE rolname = current_user)",
        ),
        ("CURRENT_SCHEMA", "current_schema()"),
        ("CURRENT_SCHEMAID", "'vpd'::regnamespace::oid"),
        ("DB_NAME", "current_database()"),
        ("SERVICE_NAME", "current_database()"),
        ("INSTANCE_NAME", "nullif(current_setting('cluster_name'), '')"),
        ("DATABASE_ROLE", "'PRIMARY'"),
        ("IP_ADDRESS", "host(inet_client_addr())"),
        ("HOST", "host(inet_client_addr())"),
        ("SERVER_HOST", "host(inet_server_addr())"),
        ("NETWORK_PROTOCOL", "'ipc'"),
        ("MODULE", "'orders'"),
        ("SID", "pg_backend_pid()"),
        ("SESSIONID", "vpd.session_id()"),
        ("ISDBA", "'FALSE'"),
        ("PROXY_USER", "session_user"),
        (
            "PROXY_USERID",
            "(SELECT oid FROM pg_roles WHERE rolname = session_user)",
        ),
        ("CLIENT_IDENTIFIER", "'alice'"),
        ("AUTHENTICATED_IDENTITY", "'alice'"),
        ("LANGUAGE", "'de'"),
        ("LANG", "'de'"),
        ("NLS_TERRITORY", "'AT'"),
        ("NLS_DATE_FORMAT", "'DD.MM.YYYY'"),
    ] {
        let expected: Option<String> = user
            .query_one(&format!("SELECT ({expression})::text"), &[])?
            .get(0);
        assert_eq!(env(&mut user, name)?, expected, "{name}");
        assert_eq!(env(&mut user, &name.to_lowercase())?, expected, "{name}");
    }
    Ok(())
}

#[test]
fn what_belongs_to_the_session_is_null_without_one() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    for name in [
        "SESSIONID",
        "PROXY_USER",
        "PROXY_USERID",
        "CLIENT_IDENTIFIER",
        "AUTHENTICATED_IDENTITY",
        "LANGUAGE",
        "LANG",
        "NLS_TERRITORY",
        "NLS_DATE_FORMAT",
    ] {
        assert_eq!(env(&mut user, name)?, None, "{name}");
    }
    Ok(())
}

#[test]
fn what_has_no_counterpart_is_refused_with_the_list() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    for name in [
        "ACTION",
        "OS_USER",
        "TERMINAL",
        "CLIENT_INFO",
        "ENTRYID",
        "AUTHENTICATION_METHOD",
        "NLS_SORT",
        "",
        "x'y",
    ] {
        let refusal = assert_refused(
            user.query("SELECT vpd.sys_context('USERENV', $1)", &[&name]),
            "22023",
            "argument_invalid",
        );
        assert!(refusal.text.contains("ORA-02003"), "{}", refusal.text);
        assert!(refusal.text.contains("SESSION_USER"), "{}", refusal.text);
    }
    Ok(())
}

#[test]
fn the_running_user_and_the_address_are_those_of_the_caller() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    assert_eq!(env(&mut admin, "ISDBA")?.as_deref(), Some("TRUE"));
    admin.batch_execute("SET ROLE app_owner")?;
    assert_eq!(env(&mut admin, "CURRENT_USER")?.as_deref(), Some("app_owner"));
    let id: String = admin
        .query_one("SELECT 'app_owner'::regrole::oid::text", &[])?
        .get(0);
    assert_eq!(env(&mut admin, "CURRENT_USERID")?, Some(id));
    assert_eq!(env(&mut admin, "SESSION_USER")?.as_deref(), Some("postgres"));
    let mut tcp = Config::new()
        .host("127.0.0.1")
        .port(database.cluster().port())
        .user(role::USER)
        .password(role::USER)
        .dbname(database.name())
        .connect(NoTls)?;
    for (name, expected) in [
        ("IP_ADDRESS", "127.0.0.1"),
        ("HOST", "127.0.0.1"),
        ("SERVER_HOST", "127.0.0.1"),
        ("NETWORK_PROTOCOL", "tcp"),
    ] {
        assert_eq!(env(&mut tcp, name)?.as_deref(), Some(expected), "{name}");
    }
    Ok(())
}

#[test]
fn the_third_argument_cuts() -> Result<()> {
    let database = Database::create()?;
    let token = log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    for (length, expected) in [
        (3, "ali"),
        (5, "alice"),
        (4000, "alice"),
        (0, "alice"),
        (-1, "alice"),
    ] {
        let row = user.query_one(
            "SELECT vpd.sys_context('USERENV', 'CLIENT_IDENTIFIER', $1)",
            &[&length],
        )?;
        assert_eq!(row.get::<_, &str>(0), expected, "{length}");
    }
    Ok(())
}
