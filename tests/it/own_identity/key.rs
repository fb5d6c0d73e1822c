//! The key that a database signs with: nobody gets at its private half, and it changes without breaking what is under way.

use std::collections::BTreeSet;

use super::{arrive, cluster, first, hand_over_keys, key_ids, public_keys, read, second, sign, told};
use vpd_tests::{Cluster, Database, Result, Subject, assert_refused, attach, role};

/// Every way into the table that SQL has.
const WAYS: [&str; 11] = [
    "SELECT * FROM vpd_private.signing_secret",
    "SELECT secret FROM ONLY vpd_private.signing_secret",
    "TABLE vpd_private.signing_secret",
    "COPY vpd_private.signing_secret TO STDOUT",
    "SELECT s FROM vpd_private.signing_secret s",
    "SELECT query_to_xml('SELECT * FROM vpd_private.signing_secret', true, false, '')",
    "UPDATE vpd_private.signing_secret SET secret = sha256('known')",
    "DELETE FROM vpd_private.signing_secret",
    "INSERT INTO vpd_private.signing_secret VALUES (1, sha256('known'))",
    "MERGE INTO vpd_private.signing_secret s USING (SELECT 1) one ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE vpd_private.signing_secret",
];

/// The private half as texts may hold it; a superuser reads it.
fn secret(database: &Database<'_>) -> Result<String> {
    told(
        &mut database.admin()?,
        "SELECT encode(secret, 'hex') FROM vpd_private.signing_secret",
    )
}

fn signing_key(database: &Database<'_>) -> Result<String> {
    told(
        &mut database.admin()?,
        "SELECT kid FROM vpd.signing_keys WHERE retired_at IS NULL",
    )
}

/// A database that has signed.
fn signed(cluster: &Cluster) -> Result<(Database<'_>, String)> {
    let database = first(cluster)?;
    let alice = Subject::new("alice").log_in(&database)?;
    sign(&database, &alice)?;
    Ok((database, alice))
}

#[test]
fn no_profile_and_no_way_leads_to_the_private_half() -> Result<()> {
    let cluster = cluster()?;
    let (database, alice) = signed(&cluster)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE ROLE steward LOGIN; SELECT vpd.grant_profile('key_steward', 'steward');
         CREATE ROLE everything LOGIN BYPASSRLS CREATEROLE REPLICATION;
         GRANT pg_read_all_data, pg_write_all_data, pg_monitor TO everything",
    )?;
    // control: there is something to find
    let secret = secret(&database)?;
    assert_eq!(secret.len(), 64);
    admin.batch_execute("ANALYZE vpd_private.signing_secret, vpd_private.signing_key")?;
    // control: whoever has all this reads the tables beside it
    let mut everything = database.connect("everything")?;
    assert_eq!(
        everything
            .query("SELECT * FROM vpd_private.signing_key", &[])?
            .len(),
        1
    );
    for caller in [
        role::USER,
        role::BRIDGE,
        role::SECURITY,
        role::AUDITOR,
        role::OWNER,
        role::STRANGER,
        "steward",
        "everything",
    ] {
        let mut client = database.connect(caller)?;
        for way in WAYS {
            assert_refused_in(&mut client, way, caller);
        }
        // What the functions, views and statistics say holds nothing of it.
        for question in [
            "SELECT vpd.public_keys()::text",
            "SELECT string_agg(k::text, '') FROM vpd.signing_keys k",
            "SELECT vpd.export_definitions()::text",
            "SELECT string_agg(s::text, '') FROM pg_stats s WHERE tablename = 'signing_secret'",
            "SELECT string_agg(s::text, '') FROM pg_statistic s WHERE starelid = 'vpd_private.signing_secret'::regclass",
            "SELECT string_agg(a::text, '') FROM pg_stat_activity a",
        ] {
            let said = client
                .query_one(question, &[])
                .ok()
                .and_then(|row| row.try_get::<_, Option<String>>(0).ok())
                .flatten()
                .unwrap_or_default();
            assert!(!said.contains(&secret), "{caller}: {question}");
        }
        for options in [
            &["--table=vpd_private.signing_secret"][..],
            &["--schema=vpd_private"],
            &[],
        ] {
            let dumped = cluster
                .client_program("pg_dump", caller)
                .args(options)
                .arg(database.name())
                .output()?;
            let text = String::from_utf8_lossy(&dumped.stdout);
            assert!(!text.contains(&secret), "{caller}: pg_dump {options:?}");
        }
    }
    // A session that is attached changes nothing.
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &alice)?;
    assert!(transaction.batch_execute(WAYS[0]).is_err());
    drop(transaction);
    // Nor does it leave in the stream of changes or in a dump of everything, which has the public half.
    let published = admin.batch_execute("CREATE PUBLICATION p FOR TABLE vpd_private.signing_secret");
    assert!(published.is_err());
    let dumped = cluster
        .client_program("pg_dump", "postgres")
        .arg(database.name())
        .output()?;
    let text = String::from_utf8_lossy(&dumped.stdout);
    assert!(text.contains(&signing_key(&database)?), "control");
    assert!(!text.contains(&secret));
    Ok(())
}

fn assert_refused_in(client: &mut postgres::Client, way: &str, caller: &str) {
    let refused = if way.starts_with("COPY") {
        client.copy_out(way).map(|_| ()).err()
    } else {
        client.batch_execute(way).err()
    };
    let code = refused
        .as_ref()
        .and_then(|error| error.code())
        .map(|state| state.code());
    assert_eq!(code, Some("42501"), "{caller}: {way}: {refused:?}");
}

#[test]
fn a_key_changes_without_breaking_what_is_under_way() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let (first, alice) = signed(&one)?;
    let second = second(&other, &first, "")?;
    let former = signing_key(&first)?;
    // Rolled back, nothing has changed.
    let mut security = first.connect(role::SECURITY)?;
    let mut transaction = security.transaction()?;
    let unborn = told(&mut transaction, "SELECT vpd.rotate_signing_key()")?;
    // Meanwhile the former one signs.
    assert_eq!(read(&sign(&first, &alice)?)?.0["kid"], former.as_str());
    transaction.rollback()?;
    let in_flight = sign(&first, &alice)?;
    assert_eq!(read(&in_flight)?.0["kid"], former.as_str());
    assert_ne!(unborn, former);
    let secret_before = secret(&first)?;
    let new = told(&mut security, "SELECT vpd.rotate_signing_key()")?;
    assert_ne!(secret(&first)?, secret_before);
    let count = told(
        &mut first.admin()?,
        "SELECT count(*)::text FROM vpd_private.signing_secret",
    )?;
    assert_eq!(count, "1");
    let fresh = sign(&first, &alice)?;
    assert_eq!(read(&fresh)?.0["kid"], new.as_str());
    // The second database does not know the new one yet.
    assert_refused(arrive(&second, &fresh)?, "28000", "token_refused");
    hand_over_keys(&first, &second)?;
    assert_eq!(
        key_ids(&public_keys(&mut security)?),
        [new.clone(), former.clone()]
    );
    arrive(&second, &in_flight)??;
    arrive(&second, &fresh)??;
    // When no token of the former one lives any more, it is listed and given out no longer.
    first.admin()?.batch_execute(
        "UPDATE vpd_private.signing_key SET retired_at = retired_at - interval '10 minutes'",
    )?;
    assert_eq!(key_ids(&public_keys(&mut security)?), std::slice::from_ref(&new));
    let all = security.query("SELECT kid FROM vpd.signing_keys", &[])?;
    let all: BTreeSet<String> = all.iter().map(|row| row.get(0)).collect();
    assert_eq!(all, BTreeSet::from([new, former]));
    Ok(())
}

#[test]
fn of_several_who_need_the_first_key_one_makes_it() -> Result<()> {
    let cluster = cluster()?;
    let database = first(&cluster)?;
    let made: BTreeSet<String> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..12)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<String>> {
                    Ok(key_ids(&public_keys(&mut database.connect(role::USER)?)?))
                })
            })
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().map_err(|_| "a racer panicked")?)
            .collect::<Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(made.len(), 1);
    // Nothing is made where nothing may be written.
    let fresh = first(&cluster)?;
    let mut user = fresh.connect(role::USER)?;
    let mut transaction = user.build_transaction().read_only(true).start()?;
    assert!(key_ids(&public_keys(&mut transaction)?).is_empty());
    Ok(())
}

#[test]
fn a_copy_and_a_server_that_crashed_make_keys_of_their_own() -> Result<()> {
    let cluster = cluster()?;
    let (database, _) = signed(&cluster)?;
    let known = signing_key(&database)?;
    let name = database.name();
    cluster.connect("postgres", "postgres")?.batch_execute(&format!(
        "CREATE DATABASE copied TEMPLATE {name} STRATEGY file_copy"
    ))?;
    let mut copy = cluster.connect(role::AUDITOR, "copied")?;
    // control: the row came along
    let mut admin = cluster.connect("postgres", "copied")?;
    let came = told(
        &mut admin,
        "SELECT encode(secret, 'hex') FROM vpd_private.signing_secret",
    )?;
    assert_eq!(came, secret(&database)?);
    let ids = key_ids(&public_keys(&mut copy)?);
    assert!(ids.len() == 2 && ids[0] != known && ids[1] == known, "{ids:?}");
    drop((copy, admin));
    let mut victim = database.admin()?;
    let process = victim.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    cluster.crash(process)?;
    let ids = key_ids(&public_keys(&mut database.connect(role::AUDITOR)?)?);
    assert!(ids.len() == 2 && ids[0] != known && ids[1] == known, "{ids:?}");
    Ok(())
}
