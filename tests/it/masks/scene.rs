//! The table of the tests of masks: eight people whose salaries and numbers are easy to find in any output.

use std::io::Read;

use postgres::{GenericClient, SimpleQueryMessage};
use vpd_tests::{Database, Outcome, Result, Subject, attach, outcome, role};

const STAFF: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.staff (
    id integer PRIMARY KEY,
    name text NOT NULL,
    retired boolean,
    region text NOT NULL,
    salary integer NOT NULL,
    ssn varchar(11) NOT NULL,
    note text
);
ALTER TABLE shop.staff DROP COLUMN retired;
INSERT INTO shop.staff (id, name, region, salary, ssn)
    SELECT n, 'person ' || n, (ARRAY['East', 'West'])[1 + n % 2], 910000 + n, '555-1' || n || '-67' || n || n
      FROM generate_series(1, 8) n;
CREATE INDEX ON shop.staff (salary);
GRANT ALL ON shop.staff TO app_user;
RESET ROLE;
";

/// What every salary begins with.
pub const SALARY: &str = "91000";

/// What every number begins with.
pub const NUMBER: &str = "555-";

/// The table without any mask.
pub fn bare_staff() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(STAFF)?;
    Ok(database)
}

/// The same table with salaries and numbers sealed, by keys that hide them in one of the ways that there are.
pub fn sealed_staff(hidden_as: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.create_key(key, 'pii:read', searchable => true, hidden_as => $1) FROM unnest(ARRAY['pay', 'pii']) key",
        &[&hidden_as],
    )?;
    let sealed = STAFF
        .replace("salary integer", "salary vpd.sealed_numeric('pay')")
        .replace("ssn varchar(11)", "ssn vpd.sealed_text('pii')");
    database.admin()?.batch_execute(&sealed)?;
    Ok(database)
}

/// The table with two masks: salaries are shown to the role hr, numbers in the own region.
pub fn masked_staff() -> Result<Database<'static>> {
    let database = bare_staff()?;
    add_mask(&database, "salary", "NULL", "vpd.user_in_role('hr')")?;
    add_mask(
        &database,
        "ssn",
        "vpd.mask_partial(ssn)",
        "region = vpd.attribute('app', 'region')",
    )?;
    Ok(database)
}

/// Adds a mask to the table as the security administrator.
pub fn add_mask(database: &Database<'_>, column: &str, mask: &str, visible_when: &str) -> Result<()> {
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_mask('shop.staff', $1, $2, $3)",
        &[&column, &mask, &visible_when],
    )?;
    Ok(())
}

/// Switches the masks of the table on or off.
pub fn enable_masks(database: &Database<'_>, enabled: bool) -> Result<()> {
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.enable_mask(relation, column_name, $1) FROM vpd.masks",
        &[&enabled],
    )?;
    Ok(())
}

/// Somebody who may see neither salaries nor numbers.
pub fn nobody(database: &Database<'_>) -> Result<String> {
    Subject::in_region("mallory", "Nowhere").log_in(database)
}

/// Somebody who sees the numbers of one region.
pub fn in_region(database: &Database<'_>, region: &str) -> Result<String> {
    Subject::in_region("alice", region).log_in(database)
}

/// Somebody who sees salaries, and numbers of one region.
pub fn hr(database: &Database<'_>) -> Result<String> {
    Subject::in_region("carol", "East").role("hr").log_in(database)
}

/// Runs a script with a session attached, on a fresh connection, and takes it back; returns whatever the client was told.
pub fn told(database: &Database<'_>, token: &str, script: &str) -> Result<Outcome<String>> {
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, token)?;
    let answer = outcome(told_in(&mut session, script));
    drop(session);
    let words: Vec<String> = notices
        .take()
        .iter()
        .map(|notice| notice.message().to_owned())
        .collect();
    Ok(answer.map(|text| format!("{text}{}", words.join("\n"))))
}

/// As `told`, in a transaction that is open.
pub fn told_in(
    session: &mut impl GenericClient,
    script: &str,
) -> std::result::Result<String, postgres::Error> {
    if script.starts_with("COPY") {
        let mut text = String::new();
        let read = session.copy_out(script)?.read_to_string(&mut text);
        return Ok(if read.is_ok() { text } else { String::new() });
    }
    let mut text = String::new();
    for message in session.simple_query(script)? {
        if let SimpleQueryMessage::Row(row) = message {
            for index in 0..row.len() {
                text.push_str(row.get(index).unwrap_or("(null)"));
                text.push('|');
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// True when a text contains a salary or a number in clear.
pub fn is_revealing(text: &str) -> bool {
    text.contains(SALARY) || text.contains(NUMBER)
}
