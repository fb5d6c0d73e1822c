//! Documents as people write them: one thing in several spellings, one person in several lines, changes that only work together. Whatever it is, an
//! import makes it so, and the same import again makes no difference.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{Database, Result, assert_refused, create_orders, role};

use crate::definition_order::{document, import};

/// Imports without prune; change, kind and name of each line.
fn import_more(client: &mut Client, sections: &Value) -> Result<Vec<String>> {
    let rows = client.query(
        "SELECT concat_ws(' ', change, kind, name) FROM vpd.import_definitions($1)",
        &[&document(sections)],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn import_for_good(client: &mut Client, sections: &Value) -> Result<Vec<String>> {
    let lines = import_more(client, sections)?;
    let again = import_more(client, sections)?;
    assert!(again.is_empty(), "{sections:#}: {again:?}");
    Ok(lines)
}

#[test]
fn what_sql_takes_for_the_same_policy_changes_nothing() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FUNCTION shop.pf(object_schema text, object_name text) RETURNS text LANGUAGE sql STABLE AS $$SELECT 'true'$$;
         SELECT vpd.create_policy_group('shop.orders', 'GRP');
         SELECT vpd.add_policy('shop.orders', 'p', 'true', policy_group => 'grp'), vpd.shadow_policy('shop.orders', 'p', 'id = 1');
         SELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.pf', kind => 'static'), vpd.shadow_policy('shop.orders', 'f', 'id = 1')",
    )?;
    for policies in [
        json!([{"name": "p", "policy_group": "grp", "predicate": "true"}]),
        json!([{"name": "p", "policy_group": " Grp ", "predicate": "true", "kind": "Shared_Static"}]),
        json!([{"name": "p", "policy_group": "GRP", "predicate": "true", "statement_types": ["SELECT", "update ", "Insert", "delete"]}]),
        json!([{"name": "f", "policy_function": "SHOP . pf", "kind": "STATIC"}, {"name": "p", "policy_group": "grp", "predicate": "true"}]),
        json!([{"name": "f", "policy_function": "\"shop\".\"pf\"", "kind": "Static", "policy_group": "sys_default"}]),
    ] {
        let policies: Vec<Value> = policies
            .as_array()
            .into_iter()
            .flatten()
            .cloned()
            .map(|mut policy| {
                policy["relation"] = json!("Shop.ORDERS");
                policy
            })
            .collect();
        let lines = import_more(&mut admin, &json!({ "policies": policies }))?;
        assert!(lines.is_empty(), "{policies:?}: {lines:?}");
    }
    let proposed: i64 = admin
        .query_one("SELECT count(*) FROM vpd.policy_shadows", &[])?
        .get(0);
    assert_eq!(proposed, 2, "proposals stay");
    let groups = json!({"policy_groups": [{"relation": "shop.orders", "name": "grp"}]});
    assert!(import(&mut admin, &groups)?.is_empty(), "with prune as well");
    // Two spellings in one document are one definition twice.
    let twice = json!({"policy_groups": [{"relation": "shop.orders", "name": "grp"}, {"relation": "shop.orders", "name": "GRP"}]});
    assert_refused(
        admin.query("SELECT vpd.import_definitions($1)", &[&document(&twice)]),
        "22023",
        "definitions_invalid",
    );
    Ok(())
}

#[test]
fn an_attribute_of_a_declared_context_drives_once() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FUNCTION shop.enter(who text) RETURNS void LANGUAGE plpgsql AS $$BEGIN CALL dbms_session.set_context('ctx', 'who', who); END$$;
         SELECT vpd.add_policy_context('shop.orders', 'app', 'Mode'), vpd.add_policy_context('shop.orders', 'ctx', 'who'),
                vpd.add_policy_context('shop.orders', 'CTX', 'WHO');
         SELECT vpd.create_context('ctx', 'shop.enter')",
    )?;
    let driven = |namespace: &str, attribute: &str| {
        json!({"driving_contexts": [
            {"relation": "shop.orders", "namespace": "app", "attribute": "Mode"},
            {"relation": "shop.orders", "namespace": namespace, "attribute": attribute},
        ]})
    };
    for (namespace, attribute) in [("ctx", "who"), ("CTX", "WHO"), ("Ctx", "Who")] {
        let lines = import(&mut admin, &driven(namespace, attribute))?;
        assert!(lines.is_empty(), "{namespace}.{attribute}: {lines:?}");
    }
    assert_refused(
        admin.query("SELECT vpd.add_policy_context('shop.orders', 'cTx', 'wHo')", &[]),
        "42710",
        "driving_context_exists",
    );
    let none = json!({"driving_contexts": []});
    assert_eq!(import(&mut admin, &none)?.len(), 2);
    let left: i64 = admin
        .query_one("SELECT count(*) FROM vpd_private.driving_context", &[])?
        .get(0);
    assert_eq!(left, 0, "both ways to write it are gone");
    assert_eq!(import_for_good(&mut admin, &driven("ctx", "who"))?.len(), 2);
    // What is no context is compared as it is.
    let other =
        json!({"driving_contexts": [{"relation": "shop.orders", "namespace": "app", "attribute": "MODE"}]});
    assert_eq!(import_for_good(&mut admin, &other)?.len(), 1);
    Ok(())
}

#[test]
fn what_every_database_has_is_no_difference() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let local = |precedence: i32| json!({"sources": [{"name": "local", "precedence": precedence}]});
    assert!(import(&mut security, &local(100))?.is_empty());
    assert!(import(&mut security, &json!({"sources": []}))?.is_empty());
    assert_eq!(
        import_for_good(&mut security, &local(50))?,
        ["change source local"]
    );
    assert_eq!(
        import_for_good(&mut security, &local(100))?,
        ["change source local"]
    );
    assert_eq!(
        import_for_good(&mut security, &local(50))?,
        ["change source local"]
    );
    assert_eq!(import(&mut security, &json!({"sources": []}))?.len(), 1);
    assert!(import(&mut security, &json!({"sources": []}))?.is_empty());
    let exported: Value = security.query_one("SELECT vpd.export_definitions()", &[])?.get(0);
    assert_eq!(exported["sources"], json!([]));

    let numbers =
        json!({"users": [{"name": "n", "attributes": "{\"a\": -0, \"b\": [-0.00, -0e5, 1e2, -1.50]}"}]});
    assert_eq!(import_for_good(&mut security, &numbers)?.len(), 1);
    Ok(())
}

#[test]
fn a_person_is_off_when_one_of_his_lines_says_so() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_source('hr', 50); SELECT vpd.define_user('flip'), vpd.define_user('flip', 'hr');
         SELECT vpd.define_user('off'), vpd.disable_user('off')",
    )?;
    let is_enabled = |client: &mut Client, name: &str| -> Result<bool> {
        Ok(client
            .query_one("SELECT is_enabled FROM vpd.users WHERE name = $1", &[&name])?
            .get(0))
    };
    let flip = |local: bool, hr: bool| json!({"users": [{"name": "flip", "enabled": local}, {"name": "flip", "source": "hr", "enabled": hr}]});
    for (local, hr) in [
        (false, true),
        (true, true),
        (true, false),
        (false, false),
        (true, true),
    ] {
        import_for_good(&mut security, &flip(local, hr))?;
        assert_eq!(is_enabled(&mut security, "flip")?, local && hr, "{local} {hr}");
    }
    // One line that the document has is enough.
    import_for_good(
        &mut security,
        &json!({"users": [{"name": "flip", "source": "hr", "enabled": false}]}),
    )?;
    assert!(!is_enabled(&mut security, "flip")?);

    // Whoever comes back with the line of another source is told to, and is back.
    let hr = json!({"users": [{"name": "off", "source": "hr"}]});
    let told: Value = security
        .query_one(
            "SELECT detail FROM vpd.policy_store_difference($1)",
            &[&document(&hr)],
        )?
        .get(0);
    assert_eq!(told["enabled"], json!(true), "{told}");
    assert!(!is_enabled(&mut security, "off")?);
    assert_eq!(import_for_good(&mut security, &hr)?, ["add user off / hr"]);
    assert!(is_enabled(&mut security, "off")?);
    let kept = json!({"users": [{"name": "new", "enabled": false}, {"name": "new", "source": "hr"}]});
    assert_eq!(import_for_good(&mut security, &kept)?.len(), 2);
    assert!(!is_enabled(&mut security, "new")?);
    Ok(())
}

#[test]
fn precedences_are_exchanged() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_source('a', 11, 'A'), vpd.define_source('b', 12), vpd.define_source('c', 13), vpd.define_source('d', 14)",
    )?;
    let sources = |order: &[(&str, i32)]| {
        let sources: Vec<Value> = order
            .iter()
            .map(|(name, precedence)| json!({"name": name, "precedence": precedence}))
            .collect();
        json!({ "sources": sources })
    };
    let now = |client: &mut Client| -> Result<String> {
        Ok(client
            .query_one(
                "SELECT string_agg(name || precedence, ' ' ORDER BY name) FROM vpd.sources",
                &[],
            )?
            .get(0))
    };
    for (order, result) in [
        (&[("a", 12), ("b", 11)][..], "a12 b11 c13 d14 local100"),
        (&[("a", 11), ("b", 13), ("c", 12)], "a11 b13 c12 d14 local100"),
        (&[("a", 100), ("local", 11)], "a100 b13 c12 d14 local11"),
        (&[("a", 13), ("b", 12), ("c", 15)], "a13 b12 c15 d14 local11"),
    ] {
        import_for_good(&mut security, &sources(order))?;
        assert_eq!(now(&mut security)?, result);
    }
    // One that the document leaves alone keeps its own.
    assert_refused(
        security.query(
            "SELECT vpd.import_definitions($1)",
            &[&document(&sources(&[("a", 14), ("b", 13)]))],
        ),
        "22023",
        "definitions_invalid",
    );
    assert_eq!(now(&mut security)?, "a13 b12 c15 d14 local11");
    Ok(())
}

#[test]
fn a_handover_is_turned_round() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_role('A'), vpd.define_role('B'), vpd.define_user('u');
         SELECT vpd.define_sod_rule('ab', '{role:A,role:B}')",
    )?;
    let turn = "2100-01-01T00:00:00Z";
    let handover = |first: &str, second: &str, again: &str| {
        json!({"memberships": [{"holder": "user:u", "holds": [
            {"granted": first, "valid_until": turn}, {"granted": second, "valid_from": again},
        ]}]})
    };
    for [first, second] in [["role:A", "role:B"], ["role:B", "role:A"], ["role:A", "role:B"]] {
        assert_eq!(
            import_for_good(&mut security, &handover(first, second, turn))?.len(),
            2
        );
    }
    // Control: rules of duties are looked at all the same.
    for overlapping in [
        handover("role:B", "role:A", "2099-12-31T00:00:00Z"),
        json!({"memberships": [{"holder": "user:u", "holds": ["role:A", "role:B"]}]}),
    ] {
        let rows = security.query(
            "SELECT detail ->> 'place', detail ->> 'code' FROM vpd.policy_store_difference($1) WHERE change = 'fault'",
            &[&document(&overlapping)],
        )?;
        assert!(!rows.is_empty(), "{overlapping:#}");
        for row in rows {
            let fault: (String, String) = (row.get(0), row.get(1));
            assert!(fault.0.starts_with("memberships[1].holds["), "{fault:?}");
            assert_eq!(fault.1, "sod_conflict", "{fault:?}");
        }
    }
    let conflicts = security.query("SELECT FROM vpd.sod_conflicts", &[])?;
    assert!(conflicts.is_empty());
    Ok(())
}

/// Written in the order of their new parents, each is written once; in another order each round would write one of them.
#[test]
fn a_line_of_units_is_turned_round_in_one_go() -> Result<()> {
    const UNITS: usize = 400;
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let line = |names: &[usize]| {
        let mut units: Vec<Value> = names
            .iter()
            .enumerate()
            .map(|(place, name)| {
                let parent = place.checked_sub(1).map(|above| format!("u{}", names[above]));
                json!({"name": format!("u{name}"), "parent": parent})
            })
            .collect();
        units.reverse();
        json!({ "units": units })
    };
    let down: Vec<usize> = (0..UNITS).collect();
    let up: Vec<usize> = (0..UNITS).rev().collect();
    import_more(&mut security, &line(&down))?;
    security.batch_execute("SET statement_timeout = '30s'")?;
    assert_eq!(import_for_good(&mut security, &line(&up))?.len(), UNITS);
    Ok(())
}
