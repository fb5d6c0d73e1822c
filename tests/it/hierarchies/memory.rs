//! What a connection keeps of a large hierarchy (P-25): 4 MiB for a million nodes. Measured with 200 000, and a fifth of it.

use postgres::Client;
use std::fs;
use vpd_tests::{Cluster, Database, Extension, Library, Result, attach, role};

use super::block::{SEEN, alice, items, seen};

/// Classes of fifty items: 204 000 nodes.
const CLASSES: i32 = 4_000;

/// 4 MiB for a million nodes.
const BOUND: u64 = 4 * 1024 / 5;

/// Memory of a server process that is its own, in KiB.
fn own_memory(client: &mut Client) -> Result<u64> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .ok_or("no RssAnon")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

/// What looking at the items adds to the memory of a connection that has looked at another hierarchy before.
fn grown(database: &Database<'_>, token: &str) -> Result<u64> {
    let mut user = database.connect(role::USER)?;
    for _ in 0..2 {
        let mut session = user.transaction()?;
        attach(&mut session, token)?;
        session.query("SELECT vpd.sees_node('small', 'a'::text)", &[])?;
        session.commit()?;
    }
    let before = own_memory(&mut user)?;
    assert_eq!(seen(&mut user, token)?, SEEN);
    Ok(own_memory(&mut user)?.saturating_sub(before))
}

fn scene(cluster: &Cluster) -> Result<(Database<'_>, String)> {
    let database = Database::create_in(cluster)?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_hierarchy('small', '{thing}'), vpd.define_node('small', 'a')")?;
    items(&database, CLASSES)?;
    let token = alice(&database)?;
    Ok((database, token))
}

#[test]
fn a_connection_keeps_little_of_a_large_hierarchy() -> Result<()> {
    let (_alone, cluster) = Cluster::quiet()?;
    let (database, token) = scene(cluster)?;
    let first = grown(&database, &token)?;
    assert!(first <= BOUND, "{first} KiB stay with who has read the nodes");
    for _ in 0..2 {
        let next = grown(&database, &token)?;
        assert!(next <= BOUND, "{next} KiB with who finds them");
    }
    Ok(())
}

/// The control: a copy of its own is far above the bound.
#[test]
fn control_a_copy_of_its_own_is_above_the_bound() -> Result<()> {
    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.max_shared_hierarchy = 0",
    )?;
    let (database, token) = scene(&cluster)?;
    let kept = grown(&database, &token)?;
    assert!(kept > 8 * BOUND, "{kept} KiB");
    Ok(())
}

/// What is kept for many users whose data groups differ has a bound of its own.
#[test]
fn views_of_many_users_stay_within_the_bound() -> Result<()> {
    let (_alone, cluster) = Cluster::quiet()?;
    let (database, token) = scene(cluster)?;
    let mut security = database.connect(role::SECURITY)?;
    let mut tokens = vec![];
    for number in 2..=130 {
        security.batch_execute(&format!(
            "SELECT vpd.define_data_group('class {number}'), vpd.define_user('user{number}');
             SELECT vpd.grant_node('class {number}', 'items', 'class {number}'),
                    vpd.grant_authority('data_group:class {number}', 'user:user{number}')"
        ))?;
        tokens.push(vpd_tests::Subject::new(&format!("user{number}")).log_in(&database)?);
    }
    let mut user = database.connect(role::USER)?;
    assert_eq!(seen(&mut user, &token)?, SEEN);
    for token in &tokens[..20] {
        seen(&mut user, token)?;
    }
    let before = own_memory(&mut user)?;
    for token in &tokens {
        seen(&mut user, token)?;
    }
    let grown = own_memory(&mut user)?.saturating_sub(before);
    // 2 MiB of bits, and what is remembered of sessions, whose number has a bound too.
    assert!(grown <= 4 * 1024, "{grown} KiB for 128 more users");
    assert_eq!(seen(&mut user, &token)?, SEEN);
    Ok(())
}
