//! A connection of a pool lives for weeks. What it remembers of sessions and plans must not grow with every user.

use std::fs;

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, assert_refused, attach, create_protected_orders,
    ids, role,
};

/// Memory of a server process that is its own, in KiB.
fn resident(pid: i32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .ok_or("no RssAnon")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

#[test]
fn a_connection_that_serves_many_users_does_not_grow() -> Result<()> {
    // What others change in their databases is told to every connection of a server.
    let (_alone, cluster) = Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.other AS TABLE shop.orders; GRANT SELECT ON shop.other TO app_user;
         CREATE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE sql STABLE
             AS $$SELECT format('region = %L', vpd.attribute('app', 'region'))$$",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.add_policy('shop.other', 'f', policy_function => 'shop.by_region', kind => 'context_sensitive')",
    )?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut tokens = vec![];
    for number in 0..500 {
        tokens.push(Subject::in_region(&format!("user{number}"), "East").log_in_with(&mut bridge)?);
    }
    let mut user = database.connect(role::USER)?;
    let pid: i32 = user.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let (static_read, sensitive_read) = (
        user.prepare("SELECT id FROM shop.orders")?,
        user.prepare("SELECT id FROM shop.other")?,
    );
    let mut serve = |from: usize, to: usize| -> Result<u64> {
        for number in from..to {
            let mut session = user.transaction()?;
            attach(&mut session, &tokens[number % tokens.len()])?;
            assert_eq!(session.query(&static_read, &[])?.len(), 10);
            assert_eq!(session.query(&sensitive_read, &[])?.len(), 10);
            if number % 10 == 0 {
                assert_eq!(ids(&mut session, "SELECT id FROM shop.other")?.len(), 10);
            }
            session.commit()?;
        }
        resident(pid)
    };
    let warm = serve(0, 700)?;
    let later = serve(700, 2_100)?;
    assert!(
        later <= warm + 512,
        "{warm} KiB after 700 users, {later} KiB after 2 100"
    );
    Ok(())
}

/// 1 MB of users with 400 attributes each, whose names are long and whose values are short.
fn wide_users() -> String {
    let mut file = String::from("user_name");
    for attribute in 0..400 {
        file.push_str(&format!(",{attribute:0>140}"));
    }
    for user in 0..1_200 {
        file.push_str(&format!("\nuser{user}{}", ",1".repeat(400)));
    }
    file
}

#[test]
fn a_load_of_users_keeps_no_more_than_the_file() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let pid: i32 = security.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let file = wide_users();
    // The first time every user is new, the second time known.
    for _ in 0..2 {
        let mut session = security.transaction()?;
        session.execute("SELECT vpd.begin_load('users')", &[])?;
        let before = resident(pid)?;
        for part in file.as_bytes().chunks(256 * 1024) {
            session.execute("SELECT vpd.load_part($1)", &[&part])?;
        }
        let kept = resident(pid)?.saturating_sub(before);
        assert!(
            kept < 24 * 1024,
            "{kept} KiB for a file of {} KiB",
            file.len() / 1024
        );
        assert!(session.query("SELECT FROM vpd.finish_load()", &[])?.is_empty());
        session.commit()?;
    }
    let whole: i64 = database
        .admin()?
        .query_one(
            "SELECT count(*) FROM vpd_private.user_account u
              WHERE (SELECT count(*) FROM jsonb_each_text(u.attributes) a WHERE a.value = '1') = 400",
            &[],
        )?
        .get(0);
    assert_eq!(whole, 1_200);
    Ok(())
}

/// A connection whose process may take only so much more memory than it has.
fn limited(database: &Database<'_>, role: &str, more: usize) -> Result<Client> {
    let mut client = database.connect(role)?;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    database.cluster().limit_memory(pid, more as u64)?;
    Ok(client)
}

/// Something that takes as much memory as its input says, as a statement with one text or document.
struct Wide {
    what: &'static str,
    statement: &'static str,
    input: fn() -> String,
}

const MIB: usize = 1024 * 1024;

/// `count` values with something between them.
fn many(count: usize, value: impl Fn(usize) -> String, between: &str) -> String {
    (0..count).map(value).collect::<Vec<_>>().join(between)
}

const WIDE: [Wide; 7] = [
    Wide {
        what: "a load of users",
        statement: "SELECT * FROM vpd.load_csv('users', $1)",
        input: || {
            format!(
                "user_name,e_mail\n{}",
                many(600_000, |n| format!("user{n},user{n}@example.com"), "\n")
            )
        },
    },
    Wide {
        what: "a load of groups with short lines",
        statement: "SELECT * FROM vpd.load_csv('groups', $1)",
        input: || format!("group_name\n{}", many(1_000_000, |n| format!("{n:x}"), "\n")),
    },
    Wide {
        what: "a load of nodes",
        statement: "SELECT * FROM vpd.load_csv('nodes', $1)",
        input: || {
            format!(
                "hierarchy,key\n{}",
                many(500_000, |n| format!("places,node{n}"), "\n")
            )
        },
    },
    Wide {
        what: "an import of definitions",
        statement: "SELECT * FROM vpd.import_definitions($1::text::jsonb)",
        input: || {
            format!(
                r#"{{"version": 1, "groups": [{}]}}"#,
                many(200_000, |n| format!(r#"{{"name": "group{n}"}}"#), ",")
            )
        },
    },
    Wide {
        what: "attributes of a session",
        statement: "SELECT vpd.create_session('alice', 'portal', $1::text::jsonb)",
        input: || format!(r#"{{"app": [{}]}}"#, many(1_000_000, |_| "1".to_owned(), ",")),
    },
    Wide {
        what: "a list of roles",
        statement: "SELECT vpd.create_session('alice', 'portal', '{}', string_to_array($1, ','))",
        input: || many(2_000_000, |_| "r".to_owned(), ","),
    },
    Wide {
        what: "a name",
        statement: "SELECT vpd.define_role($1)",
        input: || "x".repeat(50 * MIB),
    },
];

/// The server is a process of its own for the others, and stays. What the input is large enough to exhaust is told in 53200, by an error or, where
/// nobody could know it beforehand, with the end of the one connection.
#[test]
fn what_finds_no_memory_ends_at_most_its_own_connection() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_hierarchy('places', '{place}')")?;
    let mut witness = database.connect(role::STRANGER)?;
    for wide in &WIDE {
        let input = (wide.input)();
        let who = if wide.statement.contains("create_session") {
            role::BRIDGE
        } else {
            role::SECURITY
        };
        let statement = wide.statement.replacen(
            "$1",
            "$1::text",
            usize::from(!wide.statement.contains("$1::text")),
        );
        let mut refused = 0;
        // From where the input itself has no room to where what becomes of it has none.
        for more in [32, 128] {
            let mut client = limited(&database, who, more * MIB)?;
            let mut transaction = client.transaction()?;
            let state = match transaction.query(&statement, &[&input]) {
                Ok(_) => String::new(),
                Err(error) => error.code().map_or("closed", |state| state.code()).to_owned(),
            };
            assert!(
                matches!(state.as_str(), "" | "53200" | "22023" | "54000" | "closed"),
                "{} with {more} MiB: {state}",
                wide.what
            );
            refused += usize::from(state == "53200");
            assert_eq!(
                witness.query("SELECT", &[])?.len(),
                1,
                "{} with {more} MiB",
                wide.what
            );
        }
        assert!(refused > 0, "{}: the limit was never reached", wide.what);
    }
    let log = fs::read_to_string(cluster.log())?;
    assert!(!log.contains("terminated by signal"), "{log}");
    assert!(!log.contains("memory allocation of"), "{log}");
    Ok(())
}

/// Where the size is known beforehand the answer is an error, and the connection goes on.
#[test]
fn a_load_that_finds_no_memory_is_refused_and_the_connection_goes_on() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    let mut client = limited(&database, role::SECURITY, 64 * MIB)?;
    let file = (WIDE[0].input)();
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT vpd.begin_load('users')", &[])?;
    let mut refused = None;
    for part in file.as_bytes().chunks(256 * 1024) {
        if let Err(error) = transaction.execute("SELECT vpd.load_part($1)", &[&part]) {
            refused = Some(error);
            break;
        }
    }
    let error = refused.ok_or("the limit was never reached")?;
    assert_refused(Err::<(), _>(error), "53200", "out_of_memory");
    drop(transaction);
    assert_eq!(client.query("SELECT", &[])?.len(), 1);
    // What was kept of it is gone: a small one goes through.
    let faults = client.query(
        "SELECT * FROM vpd.load_csv('users', E'user_name\\nalice\\n')",
        &[],
    )?;
    assert!(faults.is_empty());
    Ok(())
}

/// The control: with memory enough, the same inputs are taken or refused for what they say.
#[test]
fn control_with_memory_enough_nothing_is_refused_for_its_size() -> Result<()> {
    let database = Database::create()?;
    let mut client = database.connect(role::SECURITY)?;
    let before: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let start = resident(before)?;
    let file = (WIDE[0].input)();
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT vpd.begin_load('users')", &[])?;
    for part in file.as_bytes().chunks(1024 * 1024) {
        transaction.execute("SELECT vpd.load_part($1)", &[&part])?;
    }
    let kept = resident(before)?.saturating_sub(start);
    assert!(
        kept > 64 * 1024,
        "{kept} KiB are kept, so the limit of the attack bites"
    );
    Ok(())
}
