//! S-12: a file tries to be more than data: SQL, COPY, JSON, formulas. Every value stays what it is.

use vpd_tests::{Database, Result, role};

const VICTIM: &str = "CREATE TABLE public.victim (id integer)";

/// Ends a literal and drops a table.
const SQL: &str = "x'); DROP TABLE public.victim; --";

/// Values that mean something to somebody else.
const VALUES: [&str; 12] = [
    SQL,
    "\\.",
    "\\N",
    "a\\tb\\nc",
    "$$; DROP TABLE public.victim; $$",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\",\"is_admin\":true,\"x\":\"",
    "role:Application Administrator",
    "%s%n{0}${jndi:ldap://x}",
    "NULL",
    "' OR '1'='1",
];

fn has_victim(database: &Database<'_>) -> Result<bool> {
    Ok(database
        .admin()?
        .query_one("SELECT to_regclass('public.victim') IS NOT NULL", &[])?
        .get(0))
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

#[test]
fn values_of_a_file_are_data() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(VICTIM)?;
    // Control: a loader that puts values into statements runs what is in them.
    admin.batch_execute("CREATE TABLE public.naive (name text, note text)")?;
    admin.batch_execute(&format!("INSERT INTO public.naive VALUES ('alice', '{SQL}')"))?;
    assert!(
        !has_victim(&database)?,
        "the control: the attack works on a naive loader"
    );
    admin.batch_execute(VICTIM)?;

    let mut security = database.connect(role::SECURITY)?;
    let mut file = String::from("user_name,display_name,note,\"a\"\":1,\"\"b\"\n");
    for value in VALUES {
        let value = quoted(value);
        file += &format!("{value},{value},{value},{value}\n");
    }
    let faults = security.query("SELECT line, reason FROM vpd.load_csv('users', $1)", &[&file])?;
    assert!(faults.is_empty(), "{faults:?}");
    assert!(has_victim(&database)?);
    let rows = admin.query(
        "SELECT a.name, u.display_name, u.attributes ->> 'note', u.attributes ->> 'a\":1,\"b', (SELECT count(*) FROM jsonb_object_keys(u.attributes))
           FROM vpd_private.user_account u JOIN vpd_private.authority a ON a.id = u.user_id ORDER BY a.id",
        &[],
    )?;
    assert_eq!(rows.len(), VALUES.len());
    // New users are written in the order of their names.
    let mut values = VALUES.to_vec();
    values.sort_unstable();
    for (row, value) in rows.iter().zip(values) {
        for column in 0..4 {
            assert_eq!(row.get::<_, String>(column), value);
        }
        assert_eq!(row.get::<_, i64>(4), 2, "no attribute beside those of the header");
    }
    // The same again goes the way of rows that are there: through arrays instead of COPY.
    let again = file.replace(",display_name,", ",unit_name,");
    let faults = security.query("SELECT line, reason FROM vpd.load_csv('users', $1)", &[&again])?;
    assert!(faults.is_empty(), "{faults:?}");
    assert!(has_victim(&database)?);
    let literal: i64 = admin
        .query_one(
            "SELECT count(*) FROM vpd_private.user_account u JOIN vpd_private.authority a ON a.id = u.user_id
              WHERE u.attributes ->> 'unit_name' = a.name AND u.display_name = a.name",
            &[],
        )?
        .get(0);
    assert_eq!(literal, i64::try_from(VALUES.len())?);
    Ok(())
}

#[test]
fn names_in_files_of_members_are_looked_up_and_never_run() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(VICTIM)?;
    let mut security = database.connect(role::SECURITY)?;
    for kind in ["group_members", "role_members", "data_group_members"] {
        let granted = match kind {
            "group_members" => "group_name",
            "role_members" => "role_name",
            _ => "data_group",
        };
        let value = quoted(SQL);
        let file =
            format!("{granted},user_name,reason,valid_from\n{value},{value},{value},\n{value},x,,{value}\n");
        let faults = security.query("SELECT value FROM vpd.load_csv($1, $2)", &[&kind, &file])?;
        assert!(!faults.is_empty());
        for fault in faults {
            assert_eq!(fault.get::<_, Option<String>>(0).as_deref(), Some(SQL));
        }
    }
    assert!(has_victim(&database)?);
    Ok(())
}

#[test]
fn a_user_named_as_a_role_is_a_user() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let file = "user_name\nrole:Boss\npostgres\n";
    assert!(
        security
            .query("SELECT * FROM vpd.load_csv('users', $1)", &[&file])?
            .is_empty()
    );
    let kinds: Vec<String> = database
        .admin()?
        .query(
            "SELECT DISTINCT kind FROM vpd_private.authority WHERE name IN ('role:Boss', 'Boss', 'postgres')",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(kinds, ["user"]);
    let anonymous = security.query(
        "SELECT line FROM vpd.load_csv('users', E'user_name\\nanonymous\\n')",
        &[],
    )?;
    assert_eq!(anonymous.len(), 1, "nobody can be anonymous");
    Ok(())
}
