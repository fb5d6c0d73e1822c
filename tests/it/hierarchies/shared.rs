//! The nodes of a hierarchy are read once and shared by all connections of a database; whatever happens to what is shared, the answers are the same.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use vpd_tests::{Cluster, Database, Extension, Library, Result, attach, role, until_within};

use super::block::{SEEN, alice, blocks, blocks_of, is_shared, items, looked_at, seen, seen_anew};
use super::scene::data_group;

fn cluster(settings: &str) -> Result<Cluster> {
    Cluster::start(&Extension::debug()?, Library::Preloaded, settings)
}

#[test]
fn nodes_are_read_by_one_connection_for_all() -> Result<()> {
    let database = Database::create()?;
    items(&database, 20)?;
    let token = alice(&database)?;
    assert!(blocks(database.cluster(), &database)?.is_empty());
    assert!(!is_shared(&database, &token)?, "nobody has read them yet");
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert_eq!(blocks(database.cluster(), &database)?.len(), 1);
    assert!(is_shared(&database, &token)?);
    // A change makes another version, which nobody has read yet; grants change no node.
    data_group(&database, "class 2", "items", &["class 2"])?;
    assert!(is_shared(&database, &token)?);
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_node('items', 'class 21')")?;
    assert!(!is_shared(&database, &token)?);
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert!(is_shared(&database, &token)?);
    assert_eq!(
        blocks(database.cluster(), &database)?.len(),
        1,
        "it took the place of the former"
    );
    Ok(())
}

/// Something that becomes of a file, and whether another can take its place.
type Spoil = (&'static str, fn(&Path, &Former) -> std::io::Result<()>, bool);

/// What a file could be taken for.
struct Former {
    /// The same hierarchy in a former version.
    version: Vec<u8>,
    /// The hierarchy of the same name in another database.
    database: Vec<u8>,
    /// Another hierarchy of the same database.
    hierarchy: Vec<u8>,
}

fn flipped(path: &Path, place: impl FnOnce(usize) -> usize) -> std::io::Result<()> {
    let mut bytes = fs::read(path)?;
    let place = place(bytes.len());
    bytes[place] ^= 1;
    fs::write(path, bytes)
}

const SPOILS: [Spoil; 14] = [
    ("the first byte", |path, _| flipped(path, |_| 0), true),
    ("the version", |path, _| flipped(path, |_| 30), true),
    ("the table of parts", |path, _| flipped(path, |_| 310), true),
    ("the keys", |path, _| flipped(path, |_| 4100), true),
    ("the numbers", |path, _| flipped(path, |length| length / 2), true),
    (
        "the last number",
        |path, _| flipped(path, |length| length - 4),
        true,
    ),
    (
        "its end is gone",
        |path, _| fs::OpenOptions::new().write(true).open(path)?.set_len(5000),
        true,
    ),
    ("all of it is gone", |path, _| fs::write(path, ""), true),
    (
        "there is more",
        |path, _| {
            let mut bytes = fs::read(path)?;
            bytes.extend_from_slice(&[0; 4096]);
            fs::write(path, bytes)
        },
        true,
    ),
    (
        "a former version",
        |path, former| fs::write(path, &former.version),
        true,
    ),
    (
        "of another database",
        |path, former| fs::write(path, &former.database),
        true,
    ),
    (
        "of another hierarchy",
        |path, former| fs::write(path, &former.hierarchy),
        true,
    ),
    (
        "a link to it",
        |path, _| {
            let aside = path.with_extension("aside");
            fs::rename(path, &aside)?;
            symlink(&aside, path)
        },
        true,
    ),
    (
        "a folder",
        |path, _| {
            fs::remove_file(path)?;
            fs::create_dir(path)
        },
        false,
    ),
];

#[test]
fn a_file_that_is_not_what_was_written_is_not_used() -> Result<()> {
    let (_alone, cluster) = Cluster::quiet()?;
    let other = Database::create_in(cluster)?;
    items(&other, 20)?;
    let others_token = alice(&other)?;
    seen_anew(&other, &others_token)?;
    let of = |database| -> Result<_> {
        let found = blocks(cluster, database)?;
        assert_eq!(found.len(), 1);
        Ok(found[0].clone())
    };
    let database = Database::create_in(cluster)?;
    let mut security = database.connect(role::SECURITY)?;
    // Another of the same size, in which the same numbers stand for other keys.
    security.batch_execute(
        "SELECT vpd.define_hierarchy('goods', '{kind}'), vpd.define_node('goods', 'class 2')",
    )?;
    items(&database, 20)?;
    let token = alice(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.query("SELECT vpd.sees_node('goods', 'class 2'::text)", &[])?;
    session.commit()?;
    let hierarchy = fs::read(of(&database)?)?;
    security.batch_execute("SELECT vpd.drop_hierarchy('goods')")?;
    seen_anew(&database, &token)?;
    let version = fs::read(of(&database)?)?;
    security.batch_execute("SELECT vpd.move_node('items', 'item 0 of class 1', 'class 3')")?;
    assert_eq!(seen_anew(&database, &token)?, ["class 1"]);
    security.batch_execute("SELECT vpd.move_node('items', 'item 0 of class 1', 'class 1')")?;
    let former = Former {
        version,
        database: fs::read(of(&other)?)?,
        hierarchy,
    };
    for (what, spoil, is_mended) in SPOILS {
        seen_anew(&database, &token)?;
        let path = of(&database)?;
        assert!(is_shared(&database, &token)?, "{what}: it is used before");
        // Written anew by name, as a mapping of the file would see the change.
        fs::copy(&path, path.with_extension("copy"))?;
        make_readable(&path)?;
        fs::rename(path.with_extension("copy"), &path)?;
        give_to_server(&path, &of(&other)?)?;
        assert!(
            is_shared(&database, &token)?,
            "{what}: the control, a copy is used"
        );
        spoil(&path, &former)?;
        assert!(!is_shared(&database, &token)?, "{what}: it is not used");
        assert_eq!(seen_anew(&database, &token)?, SEEN, "{what}");
        assert_eq!(is_shared(&database, &token)?, is_mended, "{what}: it is mended");
        let _ = fs::remove_file(path.with_extension("aside"));
    }
    Ok(())
}

fn make_readable(path: &Path) -> Result<()> {
    Ok(fs::set_permissions(
        path.with_extension("copy"),
        fs::Permissions::from_mode(0o600),
    )?)
}

/// The file belongs to whom another belongs to.
fn give_to_server(path: &Path, like: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let like = fs::metadata(like)?;
    Ok(std::os::unix::fs::chown(
        path,
        Some(like.uid()),
        Some(like.gid()),
    )?)
}

#[test]
fn where_nothing_can_be_shared_each_connection_has_its_own() -> Result<()> {
    for (what, settings, is_refused) in [
        ("the setting", "vpd.max_shared_hierarchy = 0", false),
        ("the size", "vpd.max_shared_hierarchy = 1", true),
        ("no room", "", true),
    ] {
        let cluster = cluster(settings)?;
        let database = Database::create_in(&cluster)?;
        items(&database, 1000)?;
        let token = alice(&database)?;
        let folder = cluster.data_folder().join("pg_dynshmem");
        if settings.is_empty() {
            // Nothing can be written there, by no one but root.
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o500))?;
        }
        for _ in 0..2 {
            assert_eq!(seen_anew(&database, &token)?, SEEN, "{what}");
        }
        assert!(!is_shared(&database, &token)?, "{what}");
        assert!(blocks(&cluster, &database)?.is_empty(), "{what}");
        let log = fs::read_to_string(cluster.log())?;
        let told = log
            .matches("each connection keeps its own copy of \"items\"")
            .count();
        assert_eq!(told, usize::from(is_refused), "{what}: told once\n{log}");
        if settings.is_empty() {
            // Another version is tried again.
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
            database
                .connect(role::SECURITY)?
                .batch_execute("SELECT vpd.define_node('items', 'class 0')")?;
            assert_eq!(seen_anew(&database, &token)?, SEEN);
            assert!(is_shared(&database, &token)?);
        }
    }
    Ok(())
}

/// In the middle of the file there is no room for more.
#[test]
fn a_file_that_finds_no_room_is_gone() -> Result<()> {
    let cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    items(&database, 1000)?;
    let token = alice(&database)?;
    let mut user = database.connect(role::USER)?;
    let pid: i32 = user.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    cluster.limit_files(pid, 100_000)?;
    assert_eq!(seen(&mut user, &token)?, SEEN);
    assert!(
        blocks(&cluster, &database)?.is_empty(),
        "and no part of it is left"
    );
    // For a while nobody tries again with this version; with another one everybody does.
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert!(blocks(&cluster, &database)?.is_empty());
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_node('items', 'class 0')")?;
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert!(is_shared(&database, &token)?);
    assert_eq!(seen(&mut user, &token)?, SEEN);
    Ok(())
}

/// Whoever has no room for a mapping in his memory has a copy, or is told so; the others share on.
#[test]
fn a_connection_that_finds_no_memory_takes_nothing_from_the_others() -> Result<()> {
    let cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    items(&database, 4000)?;
    let token = alice(&database)?;
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SELECT 1")?;
    let pid: i32 = user.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    cluster.limit_memory(pid, 6 * 1024 * 1024)?;
    match seen(&mut user, &token) {
        Ok(keys) => assert_eq!(keys, SEEN),
        Err(error) => {
            let state = error.code().map(|state| state.code().to_owned());
            assert!(matches!(state.as_deref(), Some("53200") | None), "{error}");
        }
    }
    assert!(is_shared(&database, &token)?);
    Ok(())
}

#[test]
fn what_a_transaction_changed_is_its_own_until_it_commits() -> Result<()> {
    let database = Database::create()?;
    items(&database, 20)?;
    let token = alice(&database)?;
    let moved = ["class 1", "item 1 of class 2"];
    let mut watcher = database.connect(role::USER)?;
    assert_eq!(seen(&mut watcher, &token)?, SEEN);
    let block = |database| -> Result<_> {
        let found = blocks(Cluster::shared()?, database)?;
        assert_eq!(found.len(), 1);
        Ok(fs::read(&found[0])?)
    };
    let before = block(&database)?;
    let mut admin = database.admin()?;
    let mut change = admin.transaction()?;
    attach(&mut change, &token)?;
    assert_eq!(looked_at(&mut change)?, SEEN);
    change.batch_execute(
        "SAVEPOINT a;
         SELECT vpd.move_node('items', 'item 0 of class 1', 'class 3'), vpd.move_node('items', 'item 1 of class 2', 'class 1')",
    )?;
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    assert_eq!(sorted(looked_at(&mut change)?), moved);
    // Nobody else meets it: neither who looked before nor who begins now.
    assert_eq!(seen(&mut watcher, &token)?, SEEN);
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert_eq!(block(&database)?, before);
    // By hand as well, and in the middle of a statement of its own.
    change.batch_execute("ROLLBACK TO a")?;
    assert_eq!(looked_at(&mut change)?, SEEN);
    let half: i64 = change
        .query_one(
            "WITH gone AS (DELETE FROM vpd_private.hierarchy_node WHERE hierarchy = 'items' AND key LIKE '% of class 1' RETURNING key)
             SELECT count(*) FROM gone WHERE vpd.sees_node('items', key)",
            &[],
        )?
        .get(0);
    assert_eq!(half, 50, "within a statement nothing changes");
    assert_eq!(looked_at(&mut change)?, ["class 1"]);
    assert_eq!(seen(&mut watcher, &token)?, SEEN);
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert_eq!(block(&database)?, before);
    change.batch_execute(
        "ROLLBACK TO a;
         SELECT vpd.move_node('items', 'item 0 of class 1', 'class 3'), vpd.move_node('items', 'item 1 of class 2', 'class 1')",
    )?;
    assert_eq!(sorted(looked_at(&mut change)?), moved);
    change.commit()?;
    for keys in [
        seen(&mut admin, &token)?,
        seen(&mut watcher, &token)?,
        seen_anew(&database, &token)?,
    ] {
        assert_eq!(sorted(keys), moved);
    }
    assert_ne!(block(&database)?, before);
    Ok(())
}

#[test]
fn hierarchies_of_one_name_in_two_databases_stay_apart() -> Result<()> {
    let (one, other) = (Database::create()?, Database::create()?);
    items(&one, 20)?;
    items(&other, 20)?;
    other
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.move_node('items', 'item 0 of class 1', 'class 2')")?;
    let (token, others_token) = (alice(&one)?, alice(&other)?);
    for _ in 0..2 {
        assert_eq!(seen_anew(&one, &token)?, SEEN);
        assert_eq!(seen_anew(&other, &others_token)?, ["class 1"]);
    }
    assert!(is_shared(&one, &token)?);
    Ok(())
}

/// A copy of a database knows the versions of its original, and goes its own way.
#[test]
fn a_copied_database_shares_nothing_with_its_original() -> Result<()> {
    let cluster = cluster("")?;
    let original = Database::create_in(&cluster)?;
    items(&original, 20)?;
    let token = alice(&original)?;
    assert_eq!(seen_anew(&original, &token)?, SEEN);
    let mut admin = cluster.connect("postgres", "postgres")?;
    let oid = |name: &str, admin: &mut postgres::Client| -> Result<u32> {
        Ok(admin
            .query_one("SELECT oid FROM pg_database WHERE datname = $1", &[&name])?
            .get(0))
    };
    // Twice under one number: what is shared of the first is not taken for the second's.
    for change in [
        "SELECT vpd.move_node('items', 'item 0 of class 1', 'class 2')",
        "SELECT vpd.move_node('items', 'class 1', 'class 2')",
    ] {
        admin.batch_execute(&format!(
            "CREATE DATABASE copy TEMPLATE {} OID 424242",
            original.name()
        ))?;
        assert_eq!(oid("copy", &mut admin)?, 424_242);
        let mut user = cluster.connect(role::USER, "copy")?;
        assert_eq!(seen(&mut user, &token)?, SEEN);
        // Superusers may; the second change is refused for its level, and then made by hand.
        let mut changer = cluster.connect("postgres", "copy")?;
        if changer.batch_execute(change).is_err() {
            changer.batch_execute(
                "UPDATE vpd_private.hierarchy_node SET parent = 'class 3' WHERE key LIKE 'item 0 of%'",
            )?;
        }
        assert_eq!(seen(&mut user, &token)?, ["class 1"]);
        assert_eq!(seen_anew(&original, &token)?, SEEN);
        assert_eq!(blocks_of(&cluster, 424_242)?.len(), 1);
        drop((user, changer));
        admin.batch_execute("DROP DATABASE copy WITH (FORCE)")?;
    }
    // Whoever shares something next clears away what is of nobody.
    original
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_node('items', 'class 0')")?;
    assert_eq!(seen_anew(&original, &token)?, SEEN);
    assert!(blocks_of(&cluster, 424_242)?.is_empty());
    Ok(())
}

#[test]
fn an_extension_that_is_created_anew_finds_nothing_of_the_former() -> Result<()> {
    let database = Database::create()?;
    items(&database, 20)?;
    let token = alice(&database)?;
    let mut watcher = database.connect(role::USER)?;
    assert_eq!(seen(&mut watcher, &token)?, SEEN);
    let mut admin = database.admin()?;
    admin.batch_execute("DROP EXTENSION pg_vpd CASCADE; DROP SCHEMA IF EXISTS vpd, vpd_private CASCADE")?;
    database.install_extension()?;
    items(&database, 20)?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.move_node('items', 'item 0 of class 1', 'class 2')")?;
    let token = alice(&database)?;
    for _ in 0..2 {
        assert_eq!(seen_anew(&database, &token)?, ["class 1"]);
    }
    assert_eq!(seen(&mut watcher, &token)?, ["class 1"]);
    assert_eq!(blocks(database.cluster(), &database)?.len(), 1);
    Ok(())
}

/// What was changed after a backup is gone with a restore, and another change comes in its place: nobody takes the one for the other, however far
/// sequences go back.
#[test]
fn a_restore_over_a_database_brings_no_version_back() -> Result<()> {
    let database = Database::create()?;
    items(&database, 20)?;
    let token = alice(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE SCHEMA backup;
         CREATE TABLE backup.hierarchy AS TABLE vpd_private.hierarchy;
         CREATE TABLE backup.hierarchy_node AS TABLE vpd_private.hierarchy_node;
         CREATE TABLE backup.sequence AS SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL",
    )?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.move_node('items', 'item 1 of class 2', 'class 1')")?;
    // Each of them keeps what it has seen until it looks again.
    let mut watchers = vec![];
    for _ in 0..12 {
        let mut watcher = database.connect(role::USER)?;
        let mut moved = seen(&mut watcher, &token)?;
        moved.sort();
        assert_eq!(moved, ["class 1", "item 0 of class 1", "item 1 of class 2"]);
        watchers.push(watcher);
    }
    admin.batch_execute(
        "BEGIN;
         DELETE FROM vpd_private.hierarchy_node;
         INSERT INTO vpd_private.hierarchy_node TABLE backup.hierarchy_node;
         UPDATE vpd_private.hierarchy h SET version = b.version, access_version = b.access_version
           FROM backup.hierarchy b WHERE b.name = h.name;
         SELECT setval(format('%I.%I', schemaname, sequencename), last_value) FROM backup.sequence;
         COMMIT",
    )?;
    // As many changes as it takes to get to where the sequence was.
    for (step, watcher) in watchers.iter_mut().enumerate() {
        assert_eq!(seen(watcher, &token)?, SEEN, "after {step} changes");
        assert_eq!(seen_anew(&database, &token)?, SEEN, "after {step} changes");
        admin.batch_execute("UPDATE vpd_private.hierarchy_node SET label = 'x' WHERE key = 'class 9'")?;
    }
    Ok(())
}

#[test]
fn what_a_server_leaves_behind_is_not_used() -> Result<()> {
    let mut cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    items(&database, 20)?;
    let token = alice(&database)?;
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert!(is_shared(&database, &token)?);
    let path = blocks(&cluster, &database)?.remove(0);
    let left = fs::read(&path)?;
    let draft = path.with_extension("1");
    fs::write(&draft, "half")?;
    let mut idle = database.admin()?;
    let pid: i32 = idle.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    cluster.crash(pid)?;
    assert!(blocks(&cluster, &database)?.is_empty(), "nothing is left");
    // Whole, of this database, hierarchy and version, and of a server that is no more.
    fs::write(&path, &left)?;
    give_to_server(&path, &cluster.data_folder().join("PG_VERSION"))?;
    assert!(!is_shared(&database, &token)?);
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    assert!(is_shared(&database, &token)?);
    assert_ne!(fs::read(&path)?, left);
    // The same after an orderly end.
    fs::write(&draft, "half")?;
    let name = database.keep();
    cluster.restart(Library::Preloaded)?;
    assert!(!path.exists() && !draft.exists(), "nothing is left");
    assert_eq!(seen(&mut cluster.connect(role::USER, &name)?, &token)?, SEEN);
    assert!(path.exists());
    Ok(())
}

#[test]
fn connections_that_come_together_share_what_one_of_them_reads() -> Result<()> {
    let database = Database::create()?;
    items(&database, 200)?;
    let token = alice(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    let together = Barrier::new(8);
    for round in 0..4 {
        security.batch_execute(&format!("SELECT vpd.define_node('items', 'class x{round}')"))?;
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut user = database.connect(role::USER).unwrap();
                    together.wait();
                    assert_eq!(seen(&mut user, &token).unwrap(), SEEN);
                });
            }
        });
        assert_eq!(
            blocks(database.cluster(), &database)?.len(),
            1,
            "no draft is left"
        );
        assert!(is_shared(&database, &token)?);
    }
    Ok(())
}

/// The launcher, and the purge that it starts, clear away what nobody can ask for any more.
#[test]
fn what_is_shared_goes_with_the_extension_and_with_the_database() -> Result<()> {
    let cluster = cluster("")?;
    let stays = Database::create_in(&cluster)?;
    let mut of_stays = stays.connect(role::SECURITY)?;
    let mut loses = vec![];
    for _ in 0..2 {
        let database = Database::create_in(&cluster)?;
        items(&database, 20)?;
        let token = alice(&database)?;
        assert_eq!(seen_anew(&database, &token)?, SEEN);
        let oid: u32 = database
            .admin()?
            .query_one(
                "SELECT oid FROM pg_database WHERE datname = current_database()",
                &[],
            )?
            .get(0);
        assert_eq!(blocks_of(&cluster, oid)?.len(), 1);
        loses.push((database, oid));
    }
    let gone = |oid| {
        until_within(Duration::from_secs(100), "it is gone", || {
            Ok(blocks_of(&cluster, oid)?.is_empty())
        })
    };
    let (database, oid) = loses.remove(0);
    // Told with the commit, the launcher starts a purge that finds no extension.
    database
        .admin()?
        .batch_execute("BEGIN; SELECT vpd.set_purge_interval(1); DROP EXTENSION pg_vpd CASCADE; COMMIT")?;
    gone(oid)?;
    let (database, oid) = loses.remove(0);
    drop(database);
    of_stays.batch_execute("SELECT vpd.set_purge_interval(2)")?;
    gone(oid)
}

/// Readers never meet a tree of which a part is of one version and a part of another.
#[test]
fn while_nodes_move_readers_see_the_one_place_or_the_other() -> Result<()> {
    let database = Database::create()?;
    items(&database, 100)?;
    let token = alice(&database)?;
    let moves = 40;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut security = database.connect(role::SECURITY).unwrap();
            for step in 0..moves {
                let (into, from) = if step % 2 == 0 { (2, 1) } else { (1, 2) };
                // Both or neither are seen.
                security
                    .batch_execute(&format!(
                        "BEGIN; SELECT vpd.move_node('items', 'item 0 of class 1', 'class {into}');
                         SELECT vpd.move_node('items', 'item 1 of class 2', 'class {from}'); COMMIT"
                    ))
                    .unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
        });
        for _ in 0..3 {
            scope.spawn(|| {
                let mut user = database.connect(role::USER).unwrap();
                while !is_over.load(Ordering::Relaxed) {
                    let keys = seen(&mut user, &token).unwrap();
                    assert!(
                        keys == SEEN || keys == ["item 1 of class 2", "class 1"],
                        "{keys:?}"
                    );
                }
            });
        }
    });
    assert_eq!(seen_anew(&database, &token)?, SEEN);
    Ok(())
}
