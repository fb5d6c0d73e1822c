//! Documents whose changes rest on one another, and definitions that must come to rest: what is imported is what is exported, and imported
//! again it makes no difference.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{Database, Result, assert_refused, role};

/// A whole document of some sections.
pub fn document(sections: &Value) -> Value {
    let mut document = sections.clone();
    document["format"] = json!("pg_vpd definitions");
    document["version"] = json!(1);
    document
}

/// Imports with prune; change, kind and name of each line.
pub fn import(client: &mut Client, sections: &Value) -> Result<Vec<[String; 3]>> {
    let rows = client.query(
        "SELECT change, kind, name FROM vpd.import_definitions($1, prune => true)",
        &[&document(sections)],
    )?;
    Ok(rows
        .iter()
        .map(|row| [row.get(0), row.get(1), row.get(2)])
        .collect())
}

/// Imports, then again, which must not change anything.
fn import_for_good(client: &mut Client, sections: &Value) -> Result<Vec<[String; 3]>> {
    let lines = import(client, sections)?;
    assert_eq!(
        import(client, sections)?,
        Vec::<[String; 3]>::new(),
        "{sections:#}"
    );
    Ok(lines)
}

fn nodes(client: &mut Client) -> Result<Vec<String>> {
    let rows = client.query(
        "SELECT concat_ws(' ', node_key, parent_key, level_name, label) FROM vpd.hierarchy_nodes ORDER BY 1",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A hierarchy of places with nodes as key, parent and level.
fn places(levels: &[&str], nodes: &[(&str, Option<&str>, &str)]) -> Value {
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|(key, parent, level)| json!({"hierarchy": "places", "key": key, "parent": parent, "level": level}))
        .collect();
    json!({
        "hierarchies": [{"name": "places", "levels": levels}],
        "hierarchy_nodes": nodes,
    })
}

#[test]
fn a_level_comes_with_its_nodes_and_goes_with_them() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let south = ("South", None, "region");
    let ulm = ("Ulm", Some("South"), "city");
    let mill = ("Mill", Some("Ulm"), "quarter");
    import_for_good(&mut security, &places(&["region", "city"], &[south, ulm]))?;
    import_for_good(
        &mut security,
        &places(&["region", "city", "quarter"], &[south, ulm, mill]),
    )?;
    assert_eq!(
        nodes(&mut security)?,
        ["Mill Ulm quarter", "South region", "Ulm South city"]
    );
    import_for_good(&mut security, &places(&["region"], &[south]))?;
    assert_eq!(nodes(&mut security)?, ["South region"]);
    Ok(())
}

#[test]
fn a_subtree_moves_down_and_up_and_turns_around() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let levels = ["one", "two", "three", "four"];
    let trees: [&[(&str, Option<&str>, &str)]; 4] = [
        &[
            ("A", None, "one"),
            ("B", Some("A"), "two"),
            ("C", Some("B"), "three"),
        ],
        &[
            ("A", None, "two"),
            ("B", Some("A"), "three"),
            ("C", Some("B"), "four"),
        ],
        &[
            ("C", None, "one"),
            ("B", Some("C"), "two"),
            ("A", Some("B"), "four"),
        ],
        &[
            ("B", None, "one"),
            ("A", Some("B"), "two"),
            ("C", Some("A"), "three"),
        ],
    ];
    for tree in trees {
        import_for_good(&mut security, &places(&levels, tree))?;
        let mut wanted: Vec<String> = tree
            .iter()
            .map(|(key, parent, level)| {
                [Some(*key), *parent, Some(*level)]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        wanted.sort();
        assert_eq!(nodes(&mut security)?, wanted);
    }
    Ok(())
}

#[test]
fn a_rule_of_duties_changes_with_the_grants_it_permits() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let with = |at_most: i32, roles: &[&str]| {
        json!({
            "roles": [{"name": "Approver"}, {"name": "Auditor"}, {"name": "Buyer"}],
            "users": [{"name": "bob"}],
            "memberships": [{"holder": "user:bob", "holds": roles}],
            "sod_rules": [{"name": "apart", "items": ["role:Approver", "role:Auditor", "role:Buyer"], "at_most": at_most}],
        })
    };
    import_for_good(&mut security, &with(1, &["role:Buyer"]))?;
    import_for_good(&mut security, &with(2, &["role:Approver", "role:Buyer"]))?;
    assert_refused(
        security.query(
            "SELECT vpd.import_definitions($1, prune => true)",
            &[&document(&with(1, &["role:Approver", "role:Auditor"]))],
        ),
        "22023",
        "definitions_invalid",
    );
    import_for_good(&mut security, &with(1, &["role:Auditor"]))?;
    Ok(())
}

#[test]
fn what_is_refused_for_good_is_told_once() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let wrong = json!({
        "hierarchies": [{"name": "places", "levels": ["region"]}],
        "hierarchy_nodes": [
            {"hierarchy": "places", "key": "Ulm", "parent": "South", "level": "city"},
            {"hierarchy": "places", "key": "South", "level": "region"},
        ],
        "roles": [{"name": "Buyer"}],
        "grants": [{"holder": "role:Buyer", "holds": ["role:Nobody"]}],
    });
    let rows = security.query(
        "SELECT detail ->> 'place', detail ->> 'code' FROM vpd.policy_store_difference($1) WHERE change = 'fault' ORDER BY 1",
        &[&document(&wrong)],
    )?;
    let faults: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        faults,
        [
            ("grants[1].holds[1]".to_owned(), "role_not_found".to_owned()),
            ("hierarchy_nodes[1]".to_owned(), "level_not_found".to_owned())
        ]
    );
    Ok(())
}

fn export(client: &mut Client) -> Result<Value> {
    Ok(client
        .query_one("SELECT vpd.export_definitions(true, true)", &[])?
        .get(0))
}

#[test]
fn a_label_that_is_taken_away_is_gone() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let labelled = |label: Option<&str>| {
        json!({
            "hierarchies": [{"name": "places", "levels": ["region"]}],
            "hierarchy_nodes": [{"hierarchy": "places", "key": "S", "level": "region", "label": label}],
        })
    };
    for (label, wanted) in [
        (None, "S region"),
        (Some("South"), "S region South"),
        (None, "S region"),
    ] {
        import_for_good(&mut security, &labelled(label))?;
        assert_eq!(nodes(&mut security)?, [wanted]);
    }
    security.batch_execute(
        "SELECT vpd.define_node('places', 'S', label => 'South'), vpd.define_node('places', 'S')",
    )?;
    assert_eq!(
        nodes(&mut security)?,
        ["S region South"],
        "control: one that is not given stays"
    );
    security.batch_execute("SELECT vpd.define_node('places', 'S', label => '')")?;
    assert_eq!(export(&mut security)?["hierarchy_nodes"][0].get("label"), None);
    Ok(())
}

#[test]
fn lengths_with_a_fraction_and_moments_far_away_come_back() -> Result<()> {
    let (source, target) = (Database::create()?, Database::create()?);
    let mut security = source.connect(role::SECURITY)?;
    source
        .admin()?
        .batch_execute("SELECT vpd.register_app('counter', idle_timeout => '90.5 seconds', ticket_lifetime => '1.000001 seconds')")?;
    security.batch_execute(
        "SELECT vpd.define_role('A'), vpd.define_role('B'), vpd.define_role('C'), vpd.define_role('D');
         SELECT vpd.grant_authority('role:B', 'role:A', valid_until => '10000-01-01 00:00:00Z'),
                vpd.grant_authority('role:C', 'role:A', '12345-06-07 08:09:10.11Z', '294275-01-01 00:00:00Z'),
                vpd.grant_authority('role:D', 'role:A', '0044-03-15 BC')",
    )?;
    let exported = export(&mut security)?;
    let mut admin = target.admin()?;
    let lines = import_for_good(&mut admin, &exported)?;
    assert!(lines.iter().all(|line| line[0] != "skip"), "{lines:?}");
    assert_eq!(export(&mut admin)?, exported);
    let until: String = admin
        .query_one(
            "SELECT string_agg(to_char(valid_until AT TIME ZONE 'UTC', 'YYYY'), ' ' ORDER BY valid_until)
               FROM vpd_private.authority_grant WHERE valid_until < 'infinity'",
            &[],
        )?
        .get(0);
    assert_eq!(until, "10000 294275");
    let held: i64 = admin
        .query_one(
            "SELECT count(*) FROM vpd_private.authority_grant WHERE valid_from <= clock_timestamp() AND valid_until > clock_timestamp()",
            &[],
        )?
        .get(0);
    assert_eq!(held, 2);
    Ok(())
}
