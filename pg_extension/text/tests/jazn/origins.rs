//! Names that the file tells apart and that would be one name here: none of them is taken, or each gets a name of its own.

use serde_json::{Value, json};

use super::{converted, reasons};

const ROLE: &str = "oracle.security.jps.service.policystore.ApplicationRole";
const RESOURCE: &str = "oracle.security.jps.ResourcePermission";

/// A file of applications, one a line from the second on.
fn file(applications: &[(&str, String)]) -> String {
    let applications: String = applications
        .iter()
        .map(|(name, content)| format!("\n<application><name>{name}</name>{content}</application>"))
        .collect();
    format!("<jazn-data><policy-store><applications>{applications}</applications></policy-store></jazn-data>")
}

fn roles(roles: &[(&str, &str)]) -> String {
    let roles: String = roles
        .iter()
        .map(|(name, group)| {
            format!(
                "<app-role><name>{name}</name><members><member><class>weblogic.security.principal.WLSGroupImpl</class>\
                 <name>{group}</name></member></members></app-role>"
            )
        })
        .collect();
    format!("<app-roles>{roles}</app-roles>")
}

fn grant(role: &str, (class, name, actions): (&str, &str, &str)) -> String {
    format!(
        "<grant><grantee><principals><principal><class>{ROLE}</class><name>{role}</name></principal></principals></grantee>\
         <permissions><permission><class>{class}</class><name>{name}</name><actions>{actions}</actions></permission></permissions></grant>"
    )
}

/// Two roles of one application, each with one permission.
fn two(content: &str, first: (&str, &str, &str), second: (&str, &str, &str)) -> String {
    let grants = [grant("R1", first), grant("R2", second)].concat();
    let roles = roles(&[("R1", "E1"), ("R2", "E2")]);
    file(&[(
        "one",
        format!("{roles}{content}<jazn-policy>{grants}</jazn-policy>"),
    )])
}

fn types(types: &[&str]) -> String {
    let types: String = types
        .iter()
        .map(|name| {
            format!(
                "<resource-type><name>{name}</name><actions-delimiter>;</actions-delimiter></resource-type>"
            )
        })
        .collect();
    format!("<resource-types>{types}</resource-types>")
}

fn resources(resources: &[(&str, &str)]) -> String {
    let resources: String = resources
        .iter()
        .map(|(name, kind)| {
            format!("<resource><name>{name}</name><type-name-ref>{kind}</type-name-ref></resource>")
        })
        .collect();
    format!("<resources>{resources}</resources>")
}

fn held(document: &Value, holder: &str) -> Vec<String> {
    document["grants"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|grant| grant["holder"] == holder)
        .flat_map(|grant| grant["holds"].as_array().cloned().unwrap_or_default())
        .filter_map(|held| held.as_str().map(str::to_owned))
        .collect()
}

/// What the two roles of `two` hold.
fn held_by_two(text: &str) -> [Vec<String>; 2] {
    let document = converted(text).document;
    ["role:R1", "role:R2"].map(|role| held(&document, role))
}

fn one(privilege: &str) -> Vec<String> {
    vec![format!("privilege:{privilege}")]
}

#[test]
fn roles_and_sets_of_two_applications_that_would_share_a_name_are_not_taken() {
    let set = |name: &str| {
        format!("<permission-sets><permission-set><name>{name}</name></permission-set></permission-sets>")
    };
    let application = |name: &str, group: &str, about: &str| {
        let grants = grant(name, ("com.example.P", about, "read"));
        format!(
            "{}{}<jazn-policy>{grants}</jazn-policy>",
            roles(&[(name, group)]),
            set(name)
        )
    };
    let conversion = converted(&file(&[
        ("crm", application("hr.Boss", "TEMPS", "note")),
        ("crm.hr", application("Boss", "CHIEFS", "salary")),
        ("control", application("Boss", "OTHERS", "thing")),
    ]));
    let document = &conversion.document;
    assert_eq!(held(document, "role:control.Boss"), one("control.thing:read"));
    for section in ["roles", "entitlements"] {
        let names = document[section].to_string();
        assert!(!names.contains("crm.hr.Boss"), "{section}: {names}");
    }
    for held in [held(document, "role:TEMPS"), held(document, "role:CHIEFS")] {
        assert_eq!(held, Vec::<String>::new());
    }
    for line in [2, 3] {
        let told = reasons(&conversion, line);
        for what in ["app-role", "permission-set", "grant to"] {
            let told = told
                .lines()
                .find(|told| told.starts_with(what))
                .unwrap_or_default();
            assert!(
                told.contains("(line 2)")
                    && told.contains("(line 3)")
                    && told.contains("both called crm.hr.Boss"),
                "line {line}: {told}"
            );
        }
    }
}

/// Whoever claims the group in a login would have been the application role of the other application, or the other way round.
#[test]
fn a_group_named_as_the_role_of_another_application_is_not_taken_in_any_order() {
    let first = ("first", roles(&[("Team", "second.Boss")]));
    let second = ("second", roles(&[("Boss", "BOSSES")]));
    for (applications, line) in [([first.clone(), second.clone()], 2), ([second, first], 3)] {
        let conversion = converted(&file(&applications));
        let document = &conversion.document;
        assert_eq!(held(document, "role:BOSSES"), ["role:second.Boss"], "control");
        assert_eq!(held(document, "role:second.Boss"), Vec::<String>::new());
        let kinds: Vec<&Value> = document["roles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|role| role["name"] == "second.Boss")
            .map(|role| &role["kind"])
            .collect();
        assert_eq!(kinds, [&json!("application")]);
        let told = reasons(&conversion, line);
        assert!(told.contains("both called second.Boss"), "{told}");
    }
}

#[test]
fn a_name_with_a_comma_is_the_whole_name() {
    let content = format!("{}{}", types(&["Doc"]), resources(&[("a", "Doc")]));
    let permission = |name: &'static str, actions| (RESOURCE, name, actions);
    let text = two(
        &content,
        permission("resourceType=Doc,resourceName=a,b", "edit"),
        permission("resourceType=Doc, resourceName = a", "view"),
    );
    assert_eq!(held_by_two(&text), [one("a,b:edit"), one("a:view")]);
    for odd in [
        "resourceName=a,resourceType=Doc",
        "resourceType=Doc,b=c,resourceName=a",
        "resourceType=Doc,resourceName=",
        "x,resourceName=a",
    ] {
        let text = two(
            &content,
            permission(odd, "edit"),
            permission("resourceName=a", "view"),
        );
        let conversion = converted(&text);
        assert_eq!(
            held(&conversion.document, "role:R1"),
            Vec::<String>::new(),
            "{odd}"
        );
        assert!(reasons(&conversion, 2).contains("no resourceName=…"), "{odd}");
    }
}

#[test]
fn classes_and_types_of_one_kind_that_name_the_same_are_not_taken() {
    let two_types = format!(
        "{}{}",
        types(&["WebServiceResourceType", "WSFunctionResourceType"]),
        resources(&[
            ("pay", "WebServiceResourceType"),
            ("pay", "WSFunctionResourceType")
        ])
    );
    for (text, name) in [
        (
            two(
                "",
                ("com.a.ReportPermission", "payroll", "view"),
                ("com.b.PaymentPermission", "payroll", "view"),
            ),
            "payroll",
        ),
        (
            two(
                "",
                ("com.a.TaskFlowPermission", "flow", "view"),
                ("com.b.TaskFlowPermission", "flow", "view"),
            ),
            "flow",
        ),
        (
            two(
                &two_types,
                (
                    RESOURCE,
                    "resourceType=WebServiceResourceType,resourceName=pay",
                    "invoke",
                ),
                (
                    RESOURCE,
                    "resourceType=WSFunctionResourceType,resourceName=pay",
                    "invoke",
                ),
            ),
            "pay",
        ),
    ] {
        assert_eq!(held_by_two(&text), [Vec::<String>::new(), Vec::new()], "{name}");
        let told = reasons(&converted(&text), 2);
        assert!(
            told.matches(&format!("both called {name} here")).count() >= 2,
            "{told}"
        );
    }
}

#[test]
fn kinds_keep_resources_apart_and_a_name_that_looks_so_is_not_taken() {
    const FLOW: &str = "oracle.adf.controller.security.TaskFlowPermission";
    let doc = (RESOURCE, "resourceType=Doc,resourceName=x", "approve");
    let text = two(&resources(&[("x", "Doc")]), doc, (FLOW, "x", "approve"));
    assert_eq!(held_by_two(&text), [one("x:approve"), one("task_flow/x:approve")]);
    let content = format!(
        "{}{}",
        types(&["Doc", "TaskFlowResourceType"]),
        resources(&[
            ("x", "Doc"),
            ("task_flow/x", "Doc"),
            ("x", "TaskFlowResourceType")
        ])
    );
    let doc = (RESOURCE, "resourceType=Doc,resourceName=task_flow/x", "approve");
    let text = two(&content, doc, (FLOW, "x", "approve"));
    assert_eq!(held_by_two(&text), [Vec::<String>::new(), Vec::new()]);
    // The class that Oracle's own type stands for speaks of the same resources.
    let same = resources(&[("x", "TaskFlowResourceType")]);
    let text = two(&same, (FLOW, "x", "approve"), (FLOW, "x", "view"));
    assert_eq!(held_by_two(&text), [one("x:approve"), one("x:view")]);
}
