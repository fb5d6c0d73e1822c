//! The table most tests protect: forty orders in four regions, owned by a plain role.

use postgres::Client;

use crate::{Database, Result, Subject, role};

/// The predicate most tests use.
pub const BY_REGION: &str = "region = vpd.attribute('app', 'region')";

const ORDERS: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.orders (
    id integer PRIMARY KEY,
    region text NOT NULL,
    amount integer NOT NULL
);
INSERT INTO shop.orders
    SELECT n, (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4], n * 10 FROM generate_series(1, 40) n;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.orders TO app_user;
RESET ROLE;
";

/// Creates `shop.orders`, unprotected.
///
/// # Errors
/// A statement failed.
pub fn create_orders(database: &Database<'_>) -> Result<()> {
    Ok(database.admin()?.batch_execute(ORDERS)?)
}

/// A database with `shop.orders` under the policy `by_region`.
///
/// # Errors
/// A statement failed.
pub fn protected_orders() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    Ok(database)
}

/// Creates `shop.orders` under the policy `by_region`.
///
/// # Errors
/// A statement failed.
pub fn create_protected_orders(database: &Database<'_>) -> Result<()> {
    create_orders(database)?;
    let mut security = database.connect(role::SECURITY)?;
    Ok(add_policy(&mut security, "shop.orders", "by_region", BY_REGION)?)
}

/// Puts `shop.orders` under a policy in which `{}` stands for the reader's region; the token of alice in the North.
///
/// # Errors
/// A statement failed.
pub fn protect_by_region(database: &Database<'_>, predicate: &str) -> Result<String> {
    let predicate = predicate.replace("{}", "vpd.attribute('app', 'region')");
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "by_region", &predicate)?;
    Subject::in_region("alice", "North").log_in(database)
}

/// The same by a policy of PostgreSQL's own: the region is the setting `app.region`.
///
/// # Errors
/// A statement failed.
pub fn protect_natively(database: &Database<'_>, predicate: &str) -> Result<()> {
    let predicate = predicate.replace("{}", "current_setting('app.region')");
    Ok(database.admin()?.batch_execute(&format!(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING ({predicate})"
    ))?)
}

/// Adds a policy with a predicate.
///
/// # Errors
/// The server refused.
pub fn add_policy(
    client: &mut Client,
    relation: &str,
    name: &str,
    predicate: &str,
) -> std::result::Result<(), postgres::Error> {
    client
        .execute(
            "SELECT vpd.add_policy($1::text::regclass, $2, $3)",
            &[&relation, &name, &predicate],
        )
        .map(|_| ())
}

/// Ids of the orders of a region, counted without the server.
#[must_use]
pub fn expected_ids(region: &str) -> Vec<i32> {
    let regions = ["North", "East", "South", "West"];
    (1..=40)
        .filter(|n| usize::try_from(n % 4).is_ok_and(|index| regions[index] == region))
        .collect()
}
