//! Files that are well-formed and say something odd: it is told, and nobody gets more than the file gave him.

use serde_json::json;
use vpd_text::jazn::convert;

use super::{SAMPLE, application, converted, reasons};

const ROLE: &str = "oracle.security.jps.service.policystore.ApplicationRole";

fn role(name: &str, members: &str) -> String {
    format!("<app-role><name>{name}</name><class>{ROLE}</class><members>{members}</members></app-role>")
}

fn member(class: &str, name: &str) -> String {
    format!("<member><class>{class}</class><name>{name}</name></member>")
}

fn grant(principal: &str, permissions: &str) -> String {
    format!(
        "<jazn-policy><grant><grantee><principals><principal><class>{ROLE}</class><name>{principal}</name></principal></principals></grantee>\
         <permissions>{permissions}</permissions></grant></jazn-policy>"
    )
}

fn permission(class: &str, name: &str, actions: &str) -> String {
    format!("<permission><class>{class}</class><name>{name}</name><actions>{actions}</actions></permission>")
}

#[test]
fn several_applications_get_qualified_names_and_one_can_be_asked_for() {
    let two = "<jazn-data><policy-store><applications>\
        <application><name>a</name><app-roles><app-role><name>R</name></app-role></app-roles></application>\
        <application><name>b</name><app-roles><app-role><name>R</name></app-role></app-roles></application>\
        </applications></policy-store></jazn-data>";
    let names = |stripe: Option<&str>| {
        let document = convert(two.as_bytes(), stripe).unwrap().document;
        document["roles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|role| role["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["a.R", "b.R"]);
    assert_eq!(names(Some("b")), ["R"]);
    assert!(convert(two.as_bytes(), Some("c")).unwrap_err().contains("a, b"));
}

#[test]
fn members_that_are_not_there_or_no_role_are_left() {
    let members = [
        member(ROLE, "Nobody"),
        member(ROLE, "R"),
        member("com.example.Robot", "x"),
        "<member><name>y</name></member>".to_owned(),
        member("weblogic.security.principal.WLSGroupImpl", "R"),
    ];
    let text = application(&format!(
        "<app-roles>{}</app-roles>",
        role("R", &members.join("\n"))
    ));
    let conversion = converted(&text);
    assert_eq!(conversion.document["grants"], json!([]), "{}", conversion.report);
    let told: String = (1..10).map(|line| reasons(&conversion, line)).collect();
    for about in [
        "no application role of this name",
        "cannot contain itself",
        "com.example.Robot is neither",
        "no name and class",
        "both called R",
    ] {
        assert!(told.contains(about), "{about}: {told}");
    }
}

#[test]
fn a_role_that_everybody_has_is_none_of_another_kind_and_has_a_name_that_can_be_one() {
    const EVERYBODY: &str = "oracle.security.jps.internal.core.principals.JpsAuthenticatedRoleImpl";
    const GROUP: &str = "weblogic.security.principal.WLSGroupImpl";
    let members = |names: &[(&str, &str)]| -> String {
        names.iter().map(|(class, name)| member(class, name)).collect()
    };
    let holders = |members: &str| {
        let roles = format!("{}{}", role("Buyer", ""), role("Clerk", members));
        let conversion = converted(&application(&format!("<app-roles>{roles}</app-roles>")));
        let grants = conversion.document["grants"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let holders: Vec<_> = grants.iter().map(|grant| grant["holder"].clone()).collect();
        (json!(holders), reasons(&conversion, 2))
    };
    assert_eq!(
        holders(&members(&[(EVERYBODY, "authenticated-role")])).0,
        json!(["role:authenticated-role"]),
        "control"
    );
    let (held, told) = holders(&members(&[(EVERYBODY, "Buyer"), (EVERYBODY, "a\nb")]));
    assert_eq!(held, json!([]), "{told}");
    assert!(
        told.contains("both called Buyer") && told.contains("control characters"),
        "{told}"
    );
    for order in [[(EVERYBODY, "X"), (GROUP, "X")], [(GROUP, "X"), (EVERYBODY, "X")]] {
        let (held, told) = holders(&members(&order));
        assert_eq!(held, json!([]), "neither is the other");
        assert_eq!(told.matches("both called X").count(), 2, "{told}");
    }
}

#[test]
fn a_role_that_would_be_everybodys_is_left() {
    let of_class = |class: &str| {
        let anonymous = member(class, "anonymous");
        let permission = permission("com.example.OwnPermission", "thing", "use");
        let grant = grant("anonymous", &permission).replace(ROLE, class);
        let roles = [role("R", &anonymous), role("anonymous", &member(ROLE, "R"))];
        converted(&application(&format!(
            "<app-roles>{}</app-roles>\n{grant}",
            roles.join("\n")
        )))
    };
    for class in [
        ROLE,
        "weblogic.security.principal.WLSGroupImpl",
        "oracle.security.jps.internal.core.principals.JpsAnonymousRoleImpl",
    ] {
        let conversion = of_class(class);
        assert_eq!(conversion.document["grants"], json!([]), "{class}");
        assert_eq!(
            conversion.document["roles"],
            json!([{"name": "R", "kind": "application"}]),
            "{class}"
        );
        for line in [2, 3, 4] {
            let told = reasons(&conversion, line);
            assert!(
                told.contains("belongs to everybody"),
                "{class}, line {line}: {told}"
            );
        }
    }
}

#[test]
fn patterns_and_odd_actions_are_left() {
    let permissions = [
        permission(
            "oracle.adf.controller.security.TaskFlowPermission",
            "/WEB-INF/.*",
            "view",
        ),
        permission(
            "oracle.adf.controller.security.TaskFlowPermission",
            "/WEB-INF/a.xml#a",
            "*",
        ),
        permission(
            "oracle.adf.controller.security.TaskFlowPermission",
            "/WEB-INF/b.xml#b",
            "",
        ),
        permission("oracle.security.jps.ResourcePermission", "resourceType=T", "view"),
        permission("com.example.OwnPermission", "thing", "use, x:y"),
        permission("", "thing", "use"),
    ];
    let text = application(&format!(
        "<app-roles>{}</app-roles>{}",
        role("R", ""),
        grant("R", &permissions.join("\n"))
    ));
    let conversion = converted(&text);
    assert_eq!(
        conversion.document["grants"],
        json!([{"holder": "role:R", "holds": ["privilege:thing:use"]}]),
        "{}",
        conversion.report
    );
    let told: String = (1..10).map(|line| reasons(&conversion, line)).collect();
    for about in [
        "a pattern",
        "no plain name",
        "no actions",
        "no resourceName",
        "x:y",
        "no class",
    ] {
        assert!(told.contains(about), "{about}: {told}");
    }
}

#[test]
fn resources_of_the_same_name_and_another_type_stay_apart() {
    let resource =
        |kind: &str| format!("<resource><name>x</name><type-name-ref>{kind}</type-name-ref></resource>");
    let text = application(&format!(
        "<resources>{}{}</resources>",
        resource("One"),
        resource("Two")
    ));
    let document = converted(&text).document;
    assert_eq!(
        document["resources"],
        json!([{"name": "Two/x", "kind": "Two"}, {"name": "x", "kind": "One"}])
    );
}

#[test]
fn names_that_the_database_would_refuse_are_left() {
    let long = "x".repeat(300);
    let text = application(&format!(
        "<app-roles>{}{}</app-roles>",
        role(&long, ""),
        role("a&#9;b", "")
    ));
    let conversion = converted(&text);
    assert_eq!(conversion.document["roles"], json!([]), "{}", conversion.report);
    assert_eq!(conversion.report.left.len(), 2);
}

#[test]
fn an_empty_store_gives_empty_sections() {
    let document = converted("<jazn-data/>").document;
    assert_eq!(document["roles"], json!([]));
}

#[test]
fn white_space_comments_and_character_data_do_not_matter() {
    let plain = converted(SAMPLE).document;
    let dressed = SAMPLE
        .replace(
            "<name>Buyer</name>",
            "<name>\n  <!-- who -->Buy<![CDATA[er]]>\n</name>",
        )
        .replace('\n', "\r\n");
    assert_eq!(converted(&dressed).document, plain);
}
