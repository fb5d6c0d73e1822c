//! A file written by the rules of Oracle's schema, with everything that is taken and most of what is not.

use serde_json::{Value, json};

use super::{SAMPLE, converted, reasons};

fn held(document: &Value, holder: &str) -> Value {
    document["grants"]
        .as_array()
        .unwrap()
        .iter()
        .find(|grant| grant["holder"] == holder)
        .map(|grant| grant["holds"].clone())
        .unwrap_or_default()
}

#[test]
fn roles_members_permission_sets_and_grants_become_definitions() {
    let document = converted(SAMPLE).document;
    assert_eq!(
        document["roles"],
        json!([
            {"name": "BUYERS", "kind": "enterprise"},
            {"name": "Buyer", "kind": "application", "description": "Buyer"},
            {"name": "BuyingManager", "kind": "application"},
            {"name": "MANAGERS", "kind": "enterprise"},
            {"name": "OrderViewer", "kind": "application", "description": "Order viewer: Looks at purchase orders"},
            {"name": "authenticated-role", "kind": "abstract",
             "description": "From Oracle, where everybody has it; here it has to be granted."},
        ])
    );
    assert_eq!(
        document["resources"],
        json!([
            {"name": "/WEB-INF/orders.xml#orders", "kind": "task_flow"},
            {"name": "com.example.view.pageDefs.ordersPageDef", "kind": "page"},
            {"name": "purchase_order", "kind": "OrderType", "description": "Purchase orders"},
        ])
    );
    assert_eq!(
        document["privileges"],
        json!([
            {"name": "/WEB-INF/orders.xml#orders:view"},
            {"name": "com.example.view.pageDefs.ordersPageDef:view"},
            {"name": "purchase_order:approve"},
            {"name": "purchase_order:maintain"},
            {"name": "purchase_order:submit"},
            {"name": "purchase_order:view"},
        ])
    );
    assert_eq!(
        document["entitlements"],
        json!([{"name": "OrderInquiry", "description": "Order inquiry"}, {"name": "OrderManagement"}])
    );
    for (holder, holds) in [
        ("role:BUYERS", json!(["role:Buyer"])),
        ("role:MANAGERS", json!(["role:BuyingManager"])),
        ("role:authenticated-role", json!(["role:OrderViewer"])),
        ("role:OrderViewer", json!(["entitlement:OrderInquiry"])),
        (
            "role:Buyer",
            json!([
                "entitlement:OrderManagement",
                "privilege:com.example.view.pageDefs.ordersPageDef:view",
                "role:OrderViewer"
            ]),
        ),
        (
            "role:BuyingManager",
            json!(["privilege:purchase_order:approve", "role:Buyer"]),
        ),
        (
            "entitlement:OrderManagement",
            json!([
                "privilege:purchase_order:maintain",
                "privilege:purchase_order:submit",
                "privilege:purchase_order:view"
            ]),
        ),
    ] {
        assert_eq!(held(&document, holder), holds, "{holder}");
    }
}

#[test]
fn what_was_not_taken_is_told_with_line_and_reason() {
    let conversion = converted(SAMPLE);
    for (line, about) in [
        (8, "user alice"),
        (14, "enterprise role BUYERS"),
        (61, "users are not part of definitions"),
        (79, "role category Procurement"),
        (138, "by an expression"),
        (177, "permission of the Java platform"),
        (206, "several principals"),
        (232, "Java platform"),
    ] {
        let told = reasons(&conversion, line);
        assert!(
            told.contains(about),
            "line {line} should tell of {about}: {told}\n{}",
            conversion.report
        );
    }
    assert_eq!(conversion.report.left.len(), 8, "{}", conversion.report);
    let ignored: Vec<_> = conversion.report.ignored.keys().map(String::as_str).collect();
    assert_eq!(ignored, ["guid"]);
    let told = conversion.report.to_string();
    assert!(
        told.contains("line 48: app-role Buyer -> role:Buyer (application)"),
        "{told}"
    );
}

#[test]
fn credentials_are_nowhere() {
    let conversion = converted(SAMPLE);
    let all = format!("{:?}{}", conversion, conversion.report);
    assert!(!all.contains("c2VjcmV0"), "{all}");
}
