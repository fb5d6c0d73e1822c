//! The order lines of the demo under their two real trees, compared with a count over the file.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;
use vpd_tests::superstore::{self, Line, Superstore};
use vpd_tests::{Database, Result, Subject, attach, role};

use super::scene::{data_group, join};

/// The demo's table, its lines, and what the hierarchies are loaded from: a city is named with its state and region, because there are
/// several Springfields.
fn orders() -> Result<Database<'static>> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    let migration = include_str!("../../../migrations/demo/V2__superstore.sql");
    let tables = migration
        .split_once("GRANT ")
        .map_or(migration, |(tables, _)| tables);
    admin.batch_execute(tables)?;
    superstore::load(&mut admin)?;
    admin.batch_execute(
        "ALTER TABLE demo.orders ADD place text GENERATED ALWAYS AS (region || '/' || state || '/' || city) STORED;
         CREATE VIEW demo.places AS SELECT region, region || '/' || state AS state, place AS city FROM demo.orders;
         GRANT USAGE ON SCHEMA demo TO PUBLIC;
         GRANT SELECT ON demo.orders TO app_user;
         GRANT SELECT ON demo.places, demo.orders TO sec_admin;
         CREATE INDEX ON demo.orders (place); CREATE INDEX ON demo.orders (product_name); ANALYZE demo.orders",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_hierarchy('geography', '{region,state,city}', 'Where it was sold.');
         SELECT vpd.define_hierarchy('goods', '{category,sub_category,product}', 'What was sold.');
         SELECT vpd.load_levels('geography', 'demo.places', '{region,state,city}');
         SELECT vpd.load_levels('goods', 'demo.orders', '{category,sub_category,product_name}');
         SELECT vpd.protect_by_hierarchy('demo.orders', 'geography', 'place', 'goods', 'product_name')",
    )?;
    Ok(database)
}

/// The nodes that a line lies at or below, per hierarchy, worked out from the file alone.
fn places(line: &Line) -> [String; 3] {
    let state = format!("{}/{}", line.region, line.state);
    let city = format!("{state}/{}", line.city);
    [line.region.clone(), state, city]
}

fn goods(line: &Line) -> [String; 3] {
    [
        line.category.clone(),
        line.sub_category.clone(),
        line.product.clone(),
    ]
}

fn count(store: &Superstore, nodes: &BTreeSet<String>, wares: &BTreeSet<String>) -> i64 {
    store
        .totals(|line| {
            places(line).iter().any(|node| nodes.contains(node))
                && goods(line).iter().any(|node| wares.contains(node))
        })
        .count
}

fn seen(client: &mut Client, token: &str) -> Result<i64> {
    let mut transaction = client.transaction()?;
    attach(&mut transaction, token)?;
    Ok(transaction
        .query_one("SELECT count(*) FROM demo.orders", &[])?
        .get(0))
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn two_hundred_random_group_sets_see_what_the_file_says() -> Result<()> {
    let database = orders()?;
    let store = Superstore::read()?;
    let every = |nodes: fn(&Line) -> [String; 3]| -> [Vec<String>; 3] {
        std::array::from_fn(|level| {
            let keys: BTreeSet<String> = store
                .lines()
                .iter()
                .map(|line| nodes(line)[level].clone())
                .collect();
            keys.into_iter().collect()
        })
    };
    let (all_places, all_goods) = (every(places), every(goods));
    assert_eq!(all_places.each_ref().map(Vec::len), [4, 49, 604]);
    assert_eq!(all_goods.each_ref().map(Vec::len), [3, 17, 1_850]);
    let mut dice = Dice(20_261_122);
    // Forty data groups, each with a few nodes of one level or another of one hierarchy or the other.
    let mut groups: BTreeMap<String, (bool, BTreeSet<String>)> = BTreeMap::new();
    for number in 0..40 {
        let is_place = number % 2 == 0;
        let levels = if is_place { &all_places } else { &all_goods };
        let level = &levels[dice.below(3)];
        let nodes: BTreeSet<String> = (0..=dice.below(4))
            .map(|_| level[dice.below(level.len())].clone())
            .collect();
        let name = format!("group {number}");
        let hierarchy = if is_place { "geography" } else { "goods" };
        let list: Vec<&str> = nodes.iter().map(String::as_str).collect();
        data_group(&database, &name, hierarchy, &list)?;
        groups.insert(name, (is_place, nodes));
    }
    let names: Vec<&String> = groups.keys().collect();
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut user = database.connect(role::USER)?;
    let mut not_empty = 0;
    for number in 0..200 {
        let chosen: BTreeSet<&str> = (0..dice.below(12))
            .map(|_| names[dice.below(names.len())].as_str())
            .collect();
        let of = |wanted: bool| -> BTreeSet<String> {
            chosen
                .iter()
                .map(|name| &groups[*name])
                .filter(|(is_place, _)| *is_place == wanted)
                .flat_map(|(_, nodes)| nodes.iter().cloned())
                .collect()
        };
        let expected = count(&store, &of(true), &of(false));
        not_empty += i32::from(expected > 0);
        let name = format!("user {number}");
        join(&database, &name, &chosen.iter().copied().collect::<Vec<_>>())?;
        let token = Subject::new(&name).log_in_with(&mut bridge)?;
        assert_eq!(seen(&mut user, &token)?, expected, "{name}: {chosen:?}");
    }
    assert!(not_empty > 50, "the sets are too poor: {not_empty}");
    Ok(())
}

#[test]
fn a_state_that_moves_takes_its_cities_along() -> Result<()> {
    let database = orders()?;
    let store = Superstore::read()?;
    let wares = ["Furniture", "Office Supplies", "Technology"];
    data_group(&database, "all goods", "goods", &wares)?;
    data_group(&database, "west", "geography", &["West"])?;
    let nobody = Subject::new("nobody").log_in(&database)?;
    let mut other = database.connect(role::USER)?;
    assert_eq!(seen(&mut other, &nobody)?, 0, "a user in no group");
    join(&database, "anna", &["west", "all goods"])?;
    let token = Subject::new("anna").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    attach(&mut user, &token)?;
    let mut count = || -> Result<i64> { Ok(user.query_one("SELECT count(*) FROM demo.orders", &[])?.get(0)) };
    let west = store.totals(|line| line.region == "West").count;
    let texas = store.totals(|line| line.state == "Texas").count;
    assert_eq!(count()?, west);
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.move_node('geography', 'Central/Texas', 'West')")?;
    assert_eq!(count()?, west + texas);
    security.batch_execute("SELECT vpd.move_node('geography', 'Central/Texas', 'Central')")?;
    assert_eq!(count()?, west);
    Ok(())
}
