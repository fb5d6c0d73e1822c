//! A small tree and a table of places: two regions, three states, five cities.

use postgres::{Client, GenericClient};
use vpd_tests::{Database, Result, Subject, attach, role};

/// `shop.stores`: one row a city, one for a state itself, one for an unknown place and one for none.
const STORES: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.stores (id integer PRIMARY KEY, place text, item text);
INSERT INTO shop.stores VALUES
    (1, 'West/California/Los Angeles', 'chair'), (2, 'West/California/San Diego', 'table'),
    (3, 'West/Nevada/Reno', 'chair'), (4, 'East/New York/New York', 'lamp'), (5, 'East/New York/Troy', 'chair'),
    (6, 'West/California', 'lamp'), (7, 'Atlantis', 'chair'), (8, NULL, 'chair');
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.stores TO app_user;
RESET ROLE;
";

/// The nodes: key, parent.
const PLACES: [(&str, Option<&str>); 10] = [
    ("West", None),
    ("East", None),
    ("West/California", Some("West")),
    ("West/Nevada", Some("West")),
    ("East/New York", Some("East")),
    ("West/California/Los Angeles", Some("West/California")),
    ("West/California/San Diego", Some("West/California")),
    ("West/Nevada/Reno", Some("West/Nevada")),
    ("East/New York/New York", Some("East/New York")),
    ("East/New York/Troy", Some("East/New York")),
];

pub const ALL: &str = "SELECT id FROM shop.stores";

/// A database with the stores under the hierarchy `geography`, which is loaded, and with `goods`, which is not used yet.
pub fn stores() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(STORES)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('geography', '{region,state,city}', 'Where the stores are.');
         SELECT vpd.define_hierarchy('goods', '{category,product}')",
    )?;
    for (key, parent) in PLACES {
        security.execute("SELECT vpd.define_node('geography', $1, $2)", &[&key, &parent])?;
    }
    security.batch_execute(
        "SELECT vpd.define_node('goods', 'furniture'); SELECT vpd.define_node('goods', 'light');
         SELECT vpd.define_node('goods', 'chair', 'furniture'); SELECT vpd.define_node('goods', 'table', 'furniture');
         SELECT vpd.define_node('goods', 'lamp', 'light');
         SELECT vpd.protect_by_hierarchy('shop.stores', 'geography', 'place')",
    )?;
    Ok(database)
}

/// A data group with nodes of a hierarchy.
pub fn data_group(database: &Database<'_>, name: &str, hierarchy: &str, nodes: &[&str]) -> Result<()> {
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.define_data_group($1)", &[&name])?;
    for node in nodes {
        security.execute("SELECT vpd.grant_node($1, $2, $3)", &[&name, &hierarchy, node])?;
    }
    Ok(())
}

/// Puts a user, who is made if he is missing, into data groups.
pub fn join(database: &Database<'_>, user: &str, groups: &[&str]) -> Result<()> {
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.define_user($1)", &[&user])?;
    for group in groups {
        security.execute(
            "SELECT vpd.grant_authority('data_group:' || $1, 'user:' || $2)",
            &[group, &user],
        )?;
    }
    Ok(())
}

/// A session of a user who is in data groups.
pub fn member(database: &Database<'_>, user: &str, groups: &[&str]) -> Result<String> {
    join(database, user, groups)?;
    Subject::new(user).log_in(database)
}

/// A connection of the run-time role in a transaction with the session attached.
pub fn reader(database: &Database<'_>, token: &str) -> Result<Client> {
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, token)?;
    Ok(user)
}

/// The plan of a query, as text.
pub fn plan(client: &mut impl GenericClient, query: &str) -> Result<String> {
    let rows = client.query(&format!("EXPLAIN (COSTS off) {query}"), &[])?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, String>(0))
        .collect::<Vec<_>>()
        .join("\n"))
}
