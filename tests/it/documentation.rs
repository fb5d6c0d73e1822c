//! The SQL of documentation pages runs as it stands: every block marked `sql`, in order, in a fresh database.

use std::path::Path;

use postgres::{SimpleQueryMessage, SimpleQueryRow};
use vpd_tests::{Database, Result};

/// The SQL blocks of a page.
fn blocks(page: &str) -> Result<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let blocks: Vec<String> = text
        .split("\n```sql\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("\n```").map(|(block, _)| block.to_owned()))
        .collect();
    if blocks.is_empty() {
        return Err(format!("{page} has no SQL").into());
    }
    Ok(blocks)
}

/// Runs a page as the superuser, after what the page takes for granted.
fn run(page: &str, granted: &str) -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(granted)?;
    for block in blocks(page)? {
        let told = admin
            .simple_query(&block)
            .map_err(|error| format!("{page}: {error:?}\n{block}"))?;
        for message in &told {
            if let SimpleQueryMessage::Row(row) = message
                && let Some(claim) = untrue(row)
            {
                return Err(format!("{page}: {claim} is not true\n{block}").into());
            }
        }
    }
    Ok(())
}

/// What a row claims and is not so. It claims something when each of its columns says that something is, sees or has something.
fn untrue(row: &SimpleQueryRow) -> Option<String> {
    let is_claim = |name: &str| ["is_", "sees_", "has_"].iter().any(|verb| name.starts_with(verb));
    let columns = row.columns();
    if !columns.iter().all(|column| is_claim(column.name())) {
        return None;
    }
    columns
        .iter()
        .zip(0..)
        .find(|(_, place)| row.get(*place) != Some("t"))
        .map(|(column, _)| column.name().to_owned())
}

#[test]
fn reference_of_policies() -> Result<()> {
    run("reference/policies.md", "")
}

#[test]
fn reference_of_sealed_columns() -> Result<()> {
    run("reference/sealed-columns.md", "")
}

#[test]
fn try_a_policy_before_it_counts() -> Result<()> {
    run("how-to/try-a-policy-before-it-counts.md", "")
}

#[test]
fn use_an_application_context() -> Result<()> {
    run("how-to/use-an-application-context.md", "")
}

#[test]
fn reference_of_authority() -> Result<()> {
    run("reference/authority.md", "")
}

#[test]
fn from_roles_to_rows() -> Result<()> {
    run("tutorials/from-roles-to-rows.md", "")
}

#[test]
fn a_claim_that_is_not_true_is_reported() -> Result<()> {
    let database = Database::create()?;
    let claims = |query: &str| -> Result<Option<String>> {
        let told = database.admin()?.simple_query(query)?;
        Ok(told.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => untrue(row),
            _ => None,
        }))
    };
    assert_eq!(
        claims("SELECT true AS is_so, false AS sees_it")?.as_deref(),
        Some("sees_it")
    );
    assert_eq!(
        claims("SELECT NULL::boolean AS has_it")?.as_deref(),
        Some("has_it")
    );
    assert_eq!(
        claims("SELECT true AS is_so; SELECT 1 AS id, false AS is_enabled")?,
        None
    );
    Ok(())
}

#[test]
fn a_block_that_fails_is_reported() {
    assert!(run("how-to/try-a-policy-before-it-counts.md", "CREATE SCHEMA shop").is_err());
}

#[test]
fn exempt_a_role() -> Result<()> {
    run(
        "how-to/exempt-a-role.md",
        "DO $$ BEGIN CREATE ROLE nightly; CREATE ROLE reporting; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         CREATE SCHEMA shop; CREATE TABLE shop.orders (id integer)",
    )
}

#[test]
fn find_out_why_a_row_is_hidden() -> Result<()> {
    run(
        "how-to/find-out-why-a-row-is-hidden.md",
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id integer PRIMARY KEY);
         SELECT vpd.add_policy('shop.orders', 'all', 'true');
         SELECT vpd.create_session('alice', 'portal')",
    )
}

#[test]
fn reference_of_the_posture() -> Result<()> {
    run("reference/posture.md", "")
}

#[test]
fn reference_of_segregation_of_duties() -> Result<()> {
    run("reference/segregation-of-duties.md", "")
}

#[test]
fn reference_of_audit_columns() -> Result<()> {
    run("reference/audit-columns.md", "")
}

#[test]
fn separate_duties() -> Result<()> {
    run("how-to/separate-duties.md", "")
}

#[test]
fn reference_of_statistics() -> Result<()> {
    run("reference/statistics.md", "")
}

#[test]
fn migrate_from_oracle() -> Result<()> {
    run("how-to/migrate-from-oracle.md", "")
}

#[test]
fn reference_of_csv_loads() -> Result<()> {
    run("reference/csv-loads.md", "")
}

#[test]
fn load_users_and_groups() -> Result<()> {
    run("how-to/load-users-and-groups.md", "")
}

#[test]
fn filter_rows_by_hierarchy() -> Result<()> {
    run("how-to/filter-rows-by-hierarchy.md", "")
}

#[test]
fn reference_of_hierarchies() -> Result<()> {
    run(
        "reference/hierarchies.md",
        "CREATE SCHEMA shop; CREATE TABLE shop.returns (store integer, handled_by text);
         SELECT vpd.define_hierarchy('places', '{store}')",
    )
}

#[test]
fn control_access_to_tasks() -> Result<()> {
    run("how-to/control-access-to-tasks.md", "")
}

#[test]
fn carry_definitions_between_databases() -> Result<()> {
    run("how-to/carry-definitions-between-databases.md", "")
}

#[test]
fn migrate_from_jazn_data() -> Result<()> {
    run("how-to/migrate-from-jazn-data.md", "")
}

#[test]
fn generate_data_roles() -> Result<()> {
    run("how-to/generate-data-roles.md", "")
}

#[test]
fn reference_of_identity_tokens() -> Result<()> {
    run("reference/identity-tokens.md", "")
}

#[test]
fn reference_of_identity_between_databases() -> Result<()> {
    run("reference/identity-between-databases.md", "")
}

#[test]
fn reference_of_the_audit_trail() -> Result<()> {
    run(
        "reference/audit-trail.md",
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, amount int); CREATE TABLE shop.customers (id int);",
    )
}

#[test]
fn find_out_who_looked_at_a_row() -> Result<()> {
    run(
        "how-to/find-out-who-looked-at-a-row.md",
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, region text);
         SELECT vpd.add_policy('shop.orders', 'by_region', predicate => $$region = vpd.attribute('app', 'region')$$)",
    )
}

#[test]
fn hand_a_service_a_token() -> Result<()> {
    run("how-to/hand-a-service-a-token.md", "")
}

#[test]
fn seal_a_column() -> Result<()> {
    run(
        "how-to/seal-a-column.md",
        "CREATE SCHEMA shop; CREATE TABLE shop.customers (id integer PRIMARY KEY, ssn text UNIQUE, born date);
         INSERT INTO shop.customers VALUES (1, '123-45-6789', '1980-02-03'), (2, '123-45-0001', NULL)",
    )
}

#[test]
fn rotate_a_key() -> Result<()> {
    run(
        "how-to/rotate-a-key.md",
        "SELECT vpd.create_key('pii', privilege => 'pii:read', searchable => true);
         CREATE SCHEMA shop; CREATE TABLE shop.customers (id integer PRIMARY KEY, ssn vpd.sealed_text('pii') UNIQUE);
         INSERT INTO shop.customers VALUES (1, '123-45-6789'), (2, '123-45-0001')",
    )
}

#[test]
fn forget_a_person() -> Result<()> {
    run(
        "how-to/forget-a-person.md",
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id integer PRIMARY KEY, customer_id integer NOT NULL, address text);
         INSERT INTO shop.orders VALUES (1, 7, 'Elm Street 1'), (2, 8, 'Oak Street 2'), (3, 7, 'Elm Street 1')",
    )
}
