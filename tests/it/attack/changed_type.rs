//! The owner of a tracked table gives an audit column another type. What is written there for the former type is a wild pointer for the new
//! one, and a crash of one backend takes every connection of the cluster along.

use vpd_tests::{Cluster, Database, Extension, Library, Result, Subject, assert_refused, attach, role};

const TABLE: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.notes (id integer PRIMARY KEY, body text);
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.notes TO app_user;
RESET ROLE;
";

/// What an owner may do to the column created_at.
const CHANGES: [&str; 2] = [
    "ALTER TABLE shop.notes ALTER created_at TYPE text USING 'x'",
    "ALTER TABLE shop.notes DROP COLUMN created_at; ALTER TABLE shop.notes ADD COLUMN created_at text",
];

/// In a cluster of its own: what if it comes down?
fn cluster() -> Result<Cluster> {
    Cluster::start(&Extension::debug()?, Library::Preloaded, "")
}

/// The control: the same change of type under a trigger of the application is harmless, so it is the stored number that the attack is about.
#[test]
fn control_the_change_itself_is_allowed_and_harmless() -> Result<()> {
    let database = Database::create_bare()?;
    database.admin()?.batch_execute(TABLE)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("ALTER TABLE shop.notes ADD COLUMN created_at timestamptz")?;
    for change in CHANGES {
        owner.batch_execute(change)?;
        owner.batch_execute("INSERT INTO shop.notes (id) VALUES (1); DELETE FROM shop.notes")?;
    }
    Ok(())
}

#[test]
fn the_owner_of_a_tracked_table_takes_nobody_down() -> Result<()> {
    let cluster = cluster()?;
    for change in CHANGES {
        let database = Database::create_in(&cluster)?;
        database.admin()?.batch_execute(TABLE)?;
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT vpd.track_changes('shop.notes')")?;
        let mut witness = database.connect(role::STRANGER)?;
        let token = Subject::new("alice").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut write = |statement: &str| -> std::result::Result<(), postgres::Error> {
            let mut transaction = user.transaction()?;
            attach(&mut transaction, &token)?;
            transaction.batch_execute(statement)?;
            transaction.commit()
        };
        write("INSERT INTO shop.notes VALUES (1, 'a')")?;
        database.connect(role::OWNER)?.batch_execute(change)?;
        assert_refused(
            write("INSERT INTO shop.notes VALUES (2, 'b')"),
            "42804",
            "column_type",
        );
        // An update leaves in the column what is there.
        write("UPDATE shop.notes SET body = 'c'")?;
        assert_eq!(witness.query("SELECT", &[])?.len(), 1, "{change}");
        database.connect(role::OWNER)?.batch_execute(
            "ALTER TABLE shop.notes ALTER created_at TYPE timestamptz USING clock_timestamp()",
        )?;
        write("INSERT INTO shop.notes VALUES (2, 'b')")?;
    }
    Ok(())
}
