//! A second time for what is delegated or granted already: it stands in the export, it is told, and an import takes it back.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{Database, Result, Subject, assert_refused, role};

use crate::definition_order::{document, import};
use crate::delegation::on_behalf;

/// Change and kind of what an import without prune does.
fn import_more(client: &mut Client, sections: &Value) -> Result<Vec<[String; 2]>> {
    let rows = client.query(
        "SELECT change, kind FROM vpd.import_definitions($1)",
        &[&document(sections)],
    )?;
    Ok(rows.iter().map(|row| [row.get(0), row.get(1)]).collect())
}

fn section(client: &mut Client, name: &str) -> Result<Value> {
    let exported: Value = client
        .query_one("SELECT vpd.export_definitions(true)", &[])?
        .get(0);
    Ok(exported[name].clone())
}

#[test]
fn a_second_delegation_hides_behind_no_other() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_user('mallory'), vpd.define_user('ceo');
         SELECT vpd.grant_delegation('user:mallory', 'user:ceo', true, valid_from => '2100-01-01', valid_until => '2100-02-01', reason => 'holiday')",
    )?;
    let file = json!({"delegations": section(&mut security, "delegations")?});
    let token = Subject::new("mallory").log_in(&database)?;
    let hidden = "SELECT vpd.grant_delegation('user:mallory', 'user:ceo', true, valid_until => '2099-12-31')";
    let kept =
        "SELECT id FROM vpd_private.delegation WHERE valid_until > clock_timestamp() ORDER BY valid_from";
    let first: i64 = database.admin()?.query_one(kept, &[])?.get(0);
    for prune in [false, true] {
        security.batch_execute(hidden)?;
        on_behalf(&database, &token, "ceo")?.map_err(|error| format!("control: {error}"))?;
        let exported = section(&mut security, "delegations")?;
        assert_eq!(
            exported[0]["times"].as_array().map(Vec::len),
            Some(2),
            "{exported:#}"
        );
        let told: i64 = security
            .query_one(
                "SELECT count(*) FROM vpd.policy_store_difference($1) WHERE change = 'change' AND kind = 'delegation'",
                &[&document(&file)],
            )?
            .get(0);
        assert_eq!(told, 1);
        if prune {
            assert_eq!(import(&mut security, &file)?.len(), 1);
        } else {
            assert_eq!(import_more(&mut security, &file)?.len(), 1);
        }
        assert!(on_behalf(&database, &token, "ceo")?.is_err(), "prune {prune}");
        assert!(import(&mut security, &file)?.is_empty());
        let rows = database.admin()?.query(kept, &[])?;
        let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(ids, [first], "what stays is left alone");
    }
    Ok(())
}

/// Holder and granted things of every sort, for two times each, the second one later.
const TWICE: [(&str, &str, &str); 2] = [
    ("memberships", "user:u", "role:A"),
    ("grants", "role:A", "privilege:p"),
];

#[test]
fn a_second_time_of_a_grant_is_exported_told_and_taken_back() -> Result<()> {
    let (source, target) = (Database::create()?, Database::create()?);
    let mut security = source.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_user('u'), vpd.define_role('A'), vpd.define_privilege('p')")?;
    for (name, holder, granted) in TWICE {
        security.execute(
            "SELECT vpd.grant_authority($1, $2, valid_until => '2100-01-01Z', reason => 'first')",
            &[&granted, &holder],
        )?;
        let file = json!({ name: section(&mut security, name)? });
        security.execute(
            "SELECT vpd.grant_authority($1, $2, '2100-06-01Z', '2101-01-01Z')",
            &[&granted, &holder],
        )?;
        let both = json!({ name: section(&mut security, name)? });
        assert_eq!(
            both[name][0]["holds"][0]["times"],
            json!([
                {"reason": "first", "valid_until": "2100-01-01T00:00:00Z"},
                {"valid_from": "2100-06-01T00:00:00Z", "valid_until": "2101-01-01T00:00:00Z"},
            ])
        );
        for (document, lines) in [
            (&both, 0),
            (&file, 1),
            (&file, 0),
            (&both, 1),
            (&both, 0),
            (&file, 1),
        ] {
            assert_eq!(import_more(&mut security, document)?.len(), lines, "{document:#}");
            assert_eq!(&json!({ name: section(&mut security, name)? }), document);
        }
        import(&mut security, &both)?;
    }
    let whole: Value = security
        .query_one("SELECT vpd.export_definitions(true)", &[])?
        .get(0);
    let mut admin = target.admin()?;
    assert!(!import(&mut admin, &whole)?.is_empty());
    assert!(import(&mut admin, &whole)?.is_empty(), "twice is once");
    let again: Value = admin
        .query_one("SELECT vpd.export_definitions(true)", &[])?
        .get(0);
    assert_eq!(again, whole);
    Ok(())
}

#[test]
fn each_time_belongs_to_whom_the_document_says() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    let grant = |rest: Value| {
        let mut grant = json!({"holder": "role:A", "granted": "role:B"});
        for (field, value) in rest.as_object().into_iter().flatten() {
            grant[field] = value.clone();
        }
        json!({"roles": [{"name": "A"}, {"name": "B"}], "grants": [grant]})
    };
    let (turn, end) = ("2100-01-01T00:00:00Z", "2101-01-01T00:00:00Z");
    for wanted in [
        json!({"times": [{"valid_until": turn, "seeded_by": "acme"}, {"valid_from": turn, "valid_until": end}]}),
        json!({"times": [{"valid_until": turn, "seeded_by": "acme"}, {"valid_from": turn, "seeded_by": "other"}]}),
        json!({"seeded_by": "acme", "times": [{"valid_until": turn}, {"valid_from": turn}]}),
        json!({"times": [{"valid_until": turn}, {"valid_from": turn}]}),
        json!({"seeded_by": "acme", "valid_until": turn}),
        json!({"seeded_by": "acme", "valid_until": end}),
        json!({}),
    ] {
        let lines = import(&mut admin, &grant(wanted.clone()))?;
        assert!(!lines.is_empty(), "{wanted}");
        assert!(import(&mut admin, &grant(wanted.clone()))?.is_empty(), "{wanted}");
    }
    // What belongs to somebody else stays, whichever of the times it is.
    import(
        &mut admin,
        &grant(json!({"times": [{"valid_until": turn, "seeded_by": "acme"}, {"valid_from": turn}]})),
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let lines = import(&mut security, &json!({"grants": []}))?;
    assert_eq!(lines, [["skip", "grant", "role:A / role:B"].map(str::to_owned)]);
    for wrong in [
        json!({"times": []}),
        json!({"times": [{}], "valid_until": turn}),
        json!({"times": [{"valid_until": end}, {"valid_from": turn}]}),
        json!({"times": [{"from": turn}]}),
        json!({"times": [{"valid_until": "soon"}]}),
        json!({"times": [1]}),
    ] {
        assert_refused(
            admin.query("SELECT vpd.import_definitions($1)", &[&document(&grant(wrong))]),
            "22023",
            "definitions_invalid",
        );
    }
    let owned =
        json!({"delegations": [{"actor": "user:a", "times": [{"seeded_by": "acme"}, {"valid_from": turn}]}]});
    assert_refused(
        admin.query("SELECT vpd.import_definitions($1)", &[&document(&owned)]),
        "22023",
        "definitions_invalid",
    );
    Ok(())
}
