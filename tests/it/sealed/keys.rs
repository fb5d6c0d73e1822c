//! Keys: who creates them, what becomes of sealed columns without a master key, and what a master key may be.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use vpd_tests::{
    Cluster, Database, Extension, Library, Result, assert_denied_to_all_but, assert_refused, outcome, role,
};

use super::scene::{manager, people, people_in, seen};

#[test]
fn only_a_security_administrator_creates_keys() -> Result<()> {
    let database = Database::create()?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &["SELECT vpd.create_key('k', 'p:q')"],
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.create_key('k', 'p:q')")?;
    for (call, state, token) in [
        ("SELECT vpd.create_key('k', 'p:q')", "42710", "key_exists"),
        ("SELECT vpd.create_key('K', 'p:q')", "22023", "argument_invalid"),
        ("SELECT vpd.create_key('', 'p:q')", "22023", "argument_invalid"),
        ("SELECT vpd.create_key(NULL, 'p:q')", "22023", "argument_invalid"),
        ("SELECT vpd.create_key('l', NULL)", "22023", "argument_invalid"),
        (
            "SELECT vpd.create_key('l', 'p:q', hidden_as => 'open')",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.create_key('l', 'p:q', mask => repeat('x', 1025))",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.create_key('l', 'p:q', mask => 'vpd:sealed:x')",
            "22023",
            "argument_invalid",
        ),
    ] {
        assert_refused(security.batch_execute(call), state, token);
    }
    let row = security.query_one(
        "SELECT name, privilege, searchable, hidden_as, mask, version FROM vpd.keys",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "k");
    assert!(!row.get::<_, bool>(2));
    assert_eq!(row.get::<_, i32>(5), 1);
    Ok(())
}

#[test]
fn without_the_master_key_sealed_columns_answer_as_without_the_privilege() -> Result<()> {
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let name = people_in(&cluster)?.keep();
    cluster.set("vpd.master_key_command = ''");
    cluster.restart(Library::Preloaded)?;
    let database = Database::kept(&cluster, name);
    let manager = manager(&database)?;
    assert_eq!(
        seen(
            &database,
            &manager,
            "SELECT ssn, salary, hint FROM shop.people WHERE id = 1"
        )?
        .as_deref(),
        Ok("•••|secret||")
    );
    assert_eq!(
        seen(&database, &manager, "SELECT id FROM shop.twins WHERE id = 1")?.as_deref(),
        Ok("1|")
    );
    for statement in [
        "INSERT INTO shop.people (id, ssn) VALUES (8, 'x')",
        "SELECT id FROM shop.people WHERE ssn = '555-101'",
        "SELECT vpd.unseal(ssn) FROM shop.people",
        "SELECT vpd.seal('x', 'pii')",
    ] {
        let refused = seen(&database, &manager, statement)?;
        assert_eq!(
            refused.map_err(|refusal| refusal.token),
            Err(Some("master_key_missing".into())),
            "{statement}"
        );
    }
    let refused = outcome(
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT vpd.create_key('another', 'p:q')"),
    );
    assert_eq!(
        refused.err().and_then(|refusal| refusal.token).as_deref(),
        Some("master_key_missing")
    );
    // With it everything is back.
    let name = database.keep();
    cluster.set("vpd.master_key_command = 'echo test = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'");
    cluster.restart(Library::Preloaded)?;
    let database = Database::kept(&cluster, name);
    assert_eq!(
        seen(&database, &manager, "SELECT ssn FROM shop.people WHERE id = 1")?.as_deref(),
        Ok("555-101|")
    );
    Ok(())
}

#[test]
fn a_master_key_that_others_may_know_is_not_used() -> Result<()> {
    let good = format!("k = {}\n", "5a".repeat(32));
    let folder = folder()?;
    let file = |name: &str, text: &str, mode: u32| -> Result<String> {
        let path = folder.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        vpd_tests::give_to_server(&path)?;
        Ok(format!(
            "vpd.master_key_command = ''\nvpd.master_key_file = '{}'",
            path.display()
        ))
    };
    let cases = [
        (file("good", &good, 0o600)?, true),
        (file("all", &good, 0o644)?, false),
        (file("group", &good, 0o660)?, false),
        (file("short", "k = 5a5a\n", 0o600)?, false),
        (file("empty", "", 0o600)?, false),
        (file("rubbish", "\u{0}\u{1}\u{2}", 0o600)?, false),
        (
            format!(
                "vpd.master_key_command = ''\nvpd.master_key_file = '{}'",
                folder.join("missing").display()
            ),
            false,
        ),
        (
            format!(
                "vpd.master_key_command = ''\nvpd.master_key_file = '{}'",
                folder.display()
            ),
            false,
        ),
        (format!("vpd.master_key_command = 'echo {}'", good.trim()), true),
        ("vpd.master_key_command = 'false'".to_owned(), false),
        ("vpd.master_key_command = 'echo rubbish'".to_owned(), false),
        (
            format!("vpd.master_key_command = 'echo {}; exit 1'", good.trim()),
            false,
        ),
        (
            format!(
                "vpd.master_key_command = 'echo {}; (setsid sleep 60 &)'",
                good.trim()
            ),
            true,
        ),
        ("vpd.master_key_command = 'sleep 60'".to_owned(), false),
        ("vpd.master_key_command = 'cat /dev/zero'".to_owned(), false),
        (
            format!(
                "{}\nvpd.master_key_command = 'echo {}'",
                file("both", &good, 0o600)?,
                good.trim()
            ),
            false,
        ),
    ];
    for (settings, is_good) in cases {
        let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, &settings)?;
        let database = Database::create_in(&cluster)?;
        let made = outcome(
            database
                .connect(role::SECURITY)?
                .batch_execute("SELECT vpd.create_key('k', 'p:q')"),
        );
        let expected = if is_good {
            Ok(())
        } else {
            Err(Some("master_key_missing".to_owned()))
        };
        assert_eq!(made.map_err(|refusal| refusal.token), expected, "{settings}");
        let log = fs::read_to_string(cluster.log())?;
        assert_eq!(
            log.contains("no master key, sealed columns cannot be read"),
            !is_good,
            "{settings}: {log}"
        );
        assert!(!log.contains("5a5a"), "the key is in the log");
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// A folder that the server's user reads.
fn folder() -> Result<std::path::PathBuf> {
    let folder = std::env::temp_dir().join(format!("vpd-master-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

#[test]
fn the_master_key_is_told_to_nobody() -> Result<()> {
    let database = people()?;
    let own: String = database
        .admin()?
        .query_one("SHOW vpd.master_key_command", &[])?
        .get(0);
    assert!(
        own.contains("0102030405"),
        "control: a superuser can see the command"
    );
    for role in role::ALL {
        let mut client = database.connect(role)?;
        for statement in [
            "SHOW vpd.master_key_command",
            "SELECT setting FROM pg_settings WHERE name = 'vpd.master_key_command'",
        ] {
            let text = outcome(client.simple_query(statement)).map(|messages| format!("{messages:?}"));
            assert!(
                !text.unwrap_or_default().contains("0102030405"),
                "{role}: {statement}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_rotated_key_reads_what_was_sealed_before_and_a_destroyed_one_nothing() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    let version: i32 = security.query_one("SELECT vpd.rotate_key('pii')", &[])?.get(0);
    assert_eq!(version, 2);
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "INSERT INTO shop.people (id, ssn, email) VALUES (7, '555-107', 'person1@planted.example')",
    )?;
    let both = "SELECT id, ssn FROM shop.people WHERE email = 'person1@planted.example' ORDER BY id";
    assert_eq!(
        seen(&database, &manager, both)?.as_deref(),
        Ok("1|555-101|\n4|555-104|\n7|555-107|")
    );
    let duplicate = outcome(owner.batch_execute("INSERT INTO shop.people (id, ssn) VALUES (8, '555-101')"));
    assert!(duplicate.is_err(), "equality goes on over versions");
    for (call, token) in [
        ("SELECT vpd.destroy_key('pii', 'yes')", "argument_invalid"),
        ("SELECT vpd.destroy_key('pii', NULL)", "argument_invalid"),
        ("SELECT vpd.destroy_key('none', 'none')", "sealing_key_not_found"),
        ("SELECT vpd.rotate_key('none')", "sealing_key_not_found"),
    ] {
        let refused = outcome(security.batch_execute(call));
        assert_eq!(
            refused.err().and_then(|refusal| refusal.token).as_deref(),
            Some(token),
            "{call}"
        );
    }
    security.batch_execute("SELECT vpd.destroy_key('pii', 'pii')")?;
    assert_eq!(
        seen(
            &database,
            &manager,
            "SELECT ssn, salary FROM shop.people WHERE id = 1"
        )?
        .as_deref(),
        Ok("•••|910001.50|")
    );
    let left: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM vpd_private.sealing_key_version v JOIN vpd_private.sealing_key k USING (key_number) WHERE k.name = 'pii'", &[])?
        .get(0);
    assert_eq!(left, 0);
    for statement in [
        "SELECT vpd.unseal(ssn) FROM shop.people",
        "INSERT INTO shop.people (id, ssn) VALUES (9, 'x')",
        "SELECT id FROM shop.people WHERE ssn = '555-101'",
    ] {
        let refused = seen(&database, &manager, statement)?;
        assert_eq!(
            refused.map_err(|refusal| refusal.token),
            Err(Some("key_destroyed".into())),
            "{statement}"
        );
    }
    for call in [
        "SELECT vpd.rotate_key('pii')",
        "SELECT vpd.destroy_key('pii', 'pii')",
    ] {
        let refused = outcome(security.batch_execute(call));
        assert_eq!(
            refused.err().and_then(|refusal| refusal.token).as_deref(),
            Some("key_destroyed"),
            "{call}"
        );
    }
    Ok(())
}

#[test]
fn the_master_key_is_changed_and_posture_tells_what_is_left_to_do() -> Result<()> {
    let first = "test = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let second = format!("next = {}", "5a".repeat(32));
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let mut name = people_in(&cluster)?.keep();
    for (keys, found) in [
        (format!("{second}\\n{first}"), Some("master_key_former")),
        (second.clone(), None),
        (first.to_owned(), Some("master_key_missing")),
    ] {
        cluster.set(&format!("vpd.master_key_command = 'printf \"{keys}\\n\"'"));
        cluster.restart(Library::Preloaded)?;
        let database = Database::kept(&cluster, name);
        let mut security = database.connect(role::SECURITY)?;
        let posture = "SELECT DISTINCT finding FROM vpd.posture() WHERE finding LIKE 'master_key%'";
        let told = security.query(posture, &[])?;
        let told: Vec<&str> = told.iter().map(|row| row.get(0)).collect();
        assert_eq!(told.first().copied(), found);
        let manager = manager(&database)?;
        let expected = if found == Some("master_key_missing") {
            "•••|"
        } else {
            "555-101|"
        };
        let read = "SELECT ssn FROM shop.people WHERE id = 1";
        assert_eq!(seen(&database, &manager, read)?.as_deref(), Ok(expected));
        if found == Some("master_key_former") {
            let wrapped: i64 = security.query_one("SELECT vpd.rewrap_keys()", &[])?.get(0);
            assert!(wrapped >= 5, "{wrapped}");
            let again: i64 = security.query_one("SELECT vpd.rewrap_keys()", &[])?.get(0);
            assert_eq!(again, 0);
            assert!(security.query(posture, &[])?.is_empty());
        }
        name = database.keep();
    }
    Ok(())
}
