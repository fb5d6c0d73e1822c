//! Oracle's jazn-data.xml.

use super::terminal::assert_printable;
use crate::jazn::{Origins, convert};
use crate::store::form;
use serde_json::Value;
use std::collections::BTreeSet;

/// Whatever the file is: definitions that hold together, a file that is read as it was written, and a report with a line for each thing.
pub fn hold(bytes: &[u8]) {
    let (Ok(read), again) = (convert(bytes, None), convert(bytes, None)) else {
        return;
    };
    assert_eq!(
        again.map(|again| again.document).as_ref(),
        Ok(&read.document),
        "read twice"
    );
    consistent(&read.document);
    apart(&read.document, &read.origins);
    let written = form::write(&read.document);
    assert_eq!(
        written.and_then(|text| form::read(&text)).as_ref(),
        Ok(&read.document)
    );

    let report = read.report.to_string();
    assert_printable(&report);
    let count = read.report.taken.len() + read.report.left.len() + read.report.ignored.len();
    assert_eq!(report.lines().count(), count + 2, "{report}");
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    let told = read.report.taken.iter().map(|taken| taken.line);
    for line in told.chain(read.report.left.iter().map(|left| left.line)) {
        assert!(line >= 1 && line as usize <= lines, "line {line} of {lines}");
    }
    // What one application gives, it gives alone as well.
    if let Err(reason) = convert(bytes, Some("A")) {
        assert!(reason.contains("no application"), "{reason}");
    }
}

/// Whatever is granted is defined, and nothing is held by everybody.
fn consistent(document: &Value) {
    let names = |section: &str, kind: &str| -> BTreeSet<String> {
        let list = document[section].as_array().into_iter().flatten();
        list.filter_map(|item| item["name"].as_str())
            .map(|name| format!("{kind}:{name}"))
            .collect()
    };
    let (roles, entitlements, privileges) = (
        names("roles", "role"),
        names("entitlements", "entitlement"),
        names("privileges", "privilege"),
    );
    assert!(
        !roles.contains("role:anonymous"),
        "what it has belongs to everybody"
    );
    for name in roles.iter().chain(&entitlements).chain(&privileges) {
        assert!(!name.chars().any(char::is_control), "{name:?}");
    }
    let resources = names("resources", "privilege");
    for privilege in &privileges {
        let resource = privilege.rsplit_once(':').map(|(resource, _)| resource);
        assert!(
            resource.is_some_and(|resource| resources.contains(resource)),
            "{privilege} of nothing"
        );
    }
    for grant in document["grants"].as_array().into_iter().flatten() {
        let holder = grant["holder"].as_str().unwrap_or_default();
        assert!(
            roles.contains(holder) || entitlements.contains(holder),
            "{holder} is not defined"
        );
        for held in grant["holds"].as_array().into_iter().flatten() {
            let held = held.as_str().unwrap_or_default();
            assert!(held != holder, "{holder} holds itself");
            let is_defined = privileges.contains(held)
                || (holder.starts_with("role:") && (roles.contains(held) || entitlements.contains(held)));
            assert!(is_defined, "{holder} holds {held}");
        }
    }
}

/// Each definition comes from one thing of the file, and each thing became one definition: what the file tells apart stays apart. An action
/// is one on the resource that the file says.
fn apart(document: &Value, origins: &Origins) {
    let mut seen = BTreeSet::new();
    for (name, of_name) in origins {
        assert!(
            of_name.len() == 1,
            "{name} is several things of the file: {of_name:?}"
        );
        if let Some(privilege) = name.strip_prefix("privilege:") {
            let resource = privilege.rsplit_once(':').map_or("", |(resource, _)| resource);
            let of_resource = origins.get(&format!("resource:{resource}"));
            assert_eq!(of_resource, Some(of_name), "{name} is on another resource");
        } else {
            for origin in of_name {
                assert!(
                    seen.insert(origin),
                    "{origin:?} became several definitions, {name} among them"
                );
            }
        }
    }
    for (section, kind) in [
        ("roles", "role"),
        ("entitlements", "entitlement"),
        ("resources", "resource"),
        ("privileges", "privilege"),
    ] {
        for item in document[section].as_array().into_iter().flatten() {
            let name = format!("{kind}:{}", item["name"].as_str().unwrap_or_default());
            assert!(origins.contains_key(&name), "nothing of the file is {name}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jazn::{Origin, Sort};
    use serde_json::json;

    fn role(application: usize, name: &str) -> Origin {
        Origin {
            sort: Sort::Role,
            application: Some(application),
            class: String::new(),
            name: name.to_owned(),
        }
    }

    #[test]
    #[should_panic(expected = "role:a.b.R is several things")]
    fn control_two_roles_that_became_one_are_noticed() {
        let both = BTreeSet::from([role(0, "b.R"), role(1, "R")]);
        apart(&json!({}), &Origins::from([("role:a.b.R".to_owned(), both)]));
    }

    #[test]
    #[should_panic(expected = "became several definitions")]
    fn control_a_role_that_became_two_is_noticed() {
        let names = ["role:R", "role:S"].map(|name| (name.to_owned(), BTreeSet::from([role(0, "R")])));
        apart(&json!({}), &Origins::from(names));
    }

    #[test]
    #[should_panic(expected = "role:Buyer holds role:Manager")]
    fn control_a_grant_of_what_is_not_defined_is_noticed() {
        consistent(&json!({
            "roles": [{ "name": "Buyer" }],
            "grants": [{ "holder": "role:Buyer", "holds": ["role:Manager"] }],
        }));
    }
}
