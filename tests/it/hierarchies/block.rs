//! A hierarchy of items whose nodes are shared by all connections, and the files they lie in.

use std::fs;
use std::path::PathBuf;

use postgres::Client;
use postgres::error::SqlState;
use vpd_tests::{Cluster, Database, Result, attach, role};

use super::scene::{data_group, member};

/// Items of a class.
const ITEMS: i32 = 50;

/// Defines the hierarchy `items`: `classes` with fifty items each, and the data group `class 1`, which has the class of that name.
pub fn items(database: &Database<'_>, classes: i32) -> Result<()> {
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_hierarchy('items', '{class,item}')")?;
    database.admin()?.batch_execute(&format!(
        "INSERT INTO vpd_private.hierarchy_node (hierarchy, key, parent, depth)
             SELECT 'items', 'class ' || n, NULL, 1 FROM generate_series(1, {classes}) n
              UNION ALL
             SELECT 'items', 'item ' || n || ' of class ' || n % {classes} + 1, 'class ' || n % {classes} + 1, 2
               FROM generate_series(0, {classes} * {ITEMS} - 1) n;
         ANALYZE vpd_private.hierarchy_node"
    ))?;
    data_group(database, "class 1", "items", &["class 1"])
}

/// A session of alice, who is in the data group `class 1`.
pub fn alice(database: &Database<'_>) -> Result<String> {
    member(database, "alice", &["class 1"])
}

/// Keys of one item each of four classes, a class, and what is none.
const KEYS: [&str; 6] = [
    "item 0 of class 1",
    "item 1 of class 2",
    "item 2 of class 3",
    "class 1",
    "class 2",
    "item 0 of class 9",
];

/// What whoever is in `class 1` sees of the keys.
pub const SEEN: [&str; 2] = ["item 0 of class 1", "class 1"];

/// Which of the keys a connection sees in a transaction of its own.
pub fn seen(client: &mut Client, token: &str) -> std::result::Result<Vec<String>, postgres::Error> {
    let mut session = client.transaction()?;
    attach(&mut session, token)?;
    let keys = looked_at(&mut session)?;
    session.commit()?;
    Ok(keys)
}

/// Which of the keys a connection sees with the session that is attached.
pub fn looked_at(
    client: &mut impl postgres::GenericClient,
) -> std::result::Result<Vec<String>, postgres::Error> {
    let rows = client.query(
        "SELECT key FROM unnest($1::text[]) WITH ORDINALITY k (key, place)
          WHERE vpd.sees_node('items', key) ORDER BY place",
        &[&KEYS.as_slice()],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Which of the keys a new connection sees.
pub fn seen_anew(database: &Database<'_>, token: &str) -> Result<Vec<String>> {
    Ok(seen(&mut database.connect(role::USER)?, token)?)
}

/// Whether a new connection sees what it should without reading a node: while somebody keeps everybody from reading them.
pub fn is_shared(database: &Database<'_>, token: &str) -> Result<bool> {
    let mut holder = database.admin()?;
    let mut holding = holder.transaction()?;
    holding.batch_execute("LOCK TABLE vpd_private.hierarchy_node IN ACCESS EXCLUSIVE MODE")?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET lock_timeout = '500ms'")?;
    let is_shared = match seen(&mut user, token) {
        Ok(keys) => {
            assert_eq!(keys, SEEN);
            true
        }
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => false,
        Err(error) => return Err(error.into()),
    };
    holding.rollback()?;
    Ok(is_shared)
}

/// The files of shared nodes of a database, and what else lies there of it.
pub fn blocks(cluster: &Cluster, database: &Database<'_>) -> Result<Vec<PathBuf>> {
    let oid: postgres::types::Oid = database
        .admin()?
        .query_one(
            "SELECT oid FROM pg_database WHERE datname = current_database()",
            &[],
        )?
        .get(0);
    blocks_of(cluster, oid)
}

/// The same, of a database that may be gone.
pub fn blocks_of(cluster: &Cluster, database: u32) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in fs::read_dir(cluster.data_folder().join("pg_dynshmem"))? {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(&format!("pg_vpd.{database}."))
        {
            found.push(entry.path());
        }
    }
    Ok(found)
}
