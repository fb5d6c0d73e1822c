//! Taking away the triggers that stamp audit columns and protect actions: the owner of a table is bound by them as by its policies.
//! Triggers × tables × commands.

use postgres::Client;
use vpd_tests::{Database, Result, assert_refused, role};

/// A table of each sort, with both triggers and one of the owner's own.
const SCENE: &str = "
CREATE SCHEMA desk AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA desk TO PUBLIC;
SET ROLE app_owner;
CREATE FUNCTION desk.stay() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;
CREATE TABLE desk.plain (id integer PRIMARY KEY, state text);
CREATE TABLE desk.parent (id integer PRIMARY KEY, state text) PARTITION BY LIST (id);
CREATE TABLE desk.part PARTITION OF desk.parent FOR VALUES IN (1);
CREATE TRIGGER stay AFTER UPDATE ON desk.plain FOR EACH ROW EXECUTE FUNCTION desk.stay();
CREATE TRIGGER stay AFTER UPDATE ON desk.parent FOR EACH ROW EXECUTE FUNCTION desk.stay();
RESET ROLE;
SELECT vpd.define_resource('order'), vpd.define_privilege('order:approve');
SELECT vpd.track_changes('desk.plain'), vpd.track_changes('desk.parent');
SELECT vpd.protect_action('desk.plain', NULL, 'order:approve', 'state', 'approved');
SELECT vpd.protect_action('desk.parent', NULL, 'order:approve', 'state', 'approved');
CREATE EXTENSION IF NOT EXISTS citext;
";

const TRIGGERS: [&str; 2] = ["zzz_vpd_track_changes", "aaa_vpd_protect_action"];
const TABLES: [&str; 3] = ["desk.plain", "desk.parent", "desk.part"];

/// `%R` is the table, `%T` the trigger.
const COMMANDS: [&str; 11] = [
    "ALTER TABLE %R DISABLE TRIGGER %T",
    "ALTER TABLE ONLY %R DISABLE TRIGGER %T",
    "ALTER TABLE %R DISABLE TRIGGER USER",
    "ALTER TABLE %R DISABLE TRIGGER ALL",
    "ALTER TABLE %R ENABLE REPLICA TRIGGER %T",
    "ALTER TABLE %R ADD COLUMN n integer, DISABLE TRIGGER %T",
    "ALTER TRIGGER %T ON %R RENAME TO gone",
    "DROP TRIGGER %T ON %R",
    "CREATE OR REPLACE TRIGGER %T AFTER DELETE ON %R FOR EACH ROW EXECUTE FUNCTION desk.stay()",
    "ALTER TRIGGER %T ON %R DEPENDS ON EXTENSION citext",
    "DO $$BEGIN ALTER TABLE %R DISABLE TRIGGER %T; END$$",
];

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SCENE)?;
    Ok(database)
}

fn command(text: &str, table: &str, trigger: &str) -> String {
    text.replace("%R", table).replace("%T", trigger)
}

fn triggers(client: &mut Client) -> Result<Vec<String>> {
    let rows = client.query(
        "SELECT concat_ws('|', tgrelid::regclass, tgname, tgenabled, tgtype, tgfoid::regproc) FROM pg_trigger
          WHERE tgrelid::regclass::text LIKE 'desk.%' ORDER BY 1",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn the_owner_of_a_table_keeps_the_triggers_of_the_library_as_they_are() -> Result<()> {
    let database = scene()?;
    let mut admin = database.admin()?;
    let before = triggers(&mut admin)?;
    let mut owner = database.connect(role::OWNER)?;
    for table in TABLES {
        for trigger in TRIGGERS {
            for text in COMMANDS {
                let command = command(text, table, trigger);
                // The server itself refuses some of them on a partition, which has no column or trigger but its parent's.
                if table == "desk.part" && (text.contains("RENAME") || text.contains("ADD COLUMN")) {
                    assert!(owner.batch_execute(&command).is_err(), "{command}");
                } else {
                    assert_refused(owner.batch_execute(&command), "42501", "privilege_missing");
                }
                assert_eq!(triggers(&mut admin)?, before, "{command}");
            }
        }
    }
    // A trigger of his own is his.
    owner.batch_execute(
        "ALTER TABLE desk.plain DISABLE TRIGGER stay; ALTER TRIGGER stay ON desk.plain RENAME TO go; DROP TRIGGER go ON desk.plain",
    )?;
    // Whoever may define it may take it back; then the table is the owner's.
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.unprotect_action('desk.plain', 'order:approve'), vpd.unprotect_action('desk.parent', 'order:approve');
         SELECT vpd.untrack_changes('desk.plain'), vpd.untrack_changes('desk.parent')",
    )?;
    owner.batch_execute("DROP TABLE desk.plain, desk.parent")?;
    Ok(())
}

#[test]
fn control_a_superuser_may_and_is_told_by_the_posture() -> Result<()> {
    let database = scene()?;
    let mut admin = database.admin()?;
    for text in COMMANDS {
        for trigger in TRIGGERS {
            admin.batch_execute("BEGIN")?;
            let command = command(text, "desk.plain", trigger);
            admin.batch_execute(&command)?;
            if command.contains("DISABLE TRIGGER") {
                let told = admin.query(
                    "SELECT finding FROM vpd.posture() WHERE finding IN ('tracking_off', 'action_unprotected') AND object = 'desk.plain'",
                    &[],
                )?;
                assert!(!told.is_empty(), "{command}");
            }
            admin.batch_execute("ROLLBACK")?;
        }
    }
    Ok(())
}
