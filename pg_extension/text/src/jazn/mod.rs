//! Import of Oracle's policy store: a `jazn-data.xml` in, a document of definitions and a report out.
//!
//! Application roles, their members, permission sets and grants are taken. What it is not: it connects to nothing, and takes no user, no
//! credential and no permission of the Java platform. Invariant: what is not taken is told with its line and a reason; nobody gets more by an
//! import than the file gave him, so that two things of the file are never one here.

mod application;
mod definitions;
mod origin;
mod report;
mod tree;

use serde_json::Value;

use application::Application;
use definitions::Definitions;
pub use definitions::Origins;
pub use origin::{Origin, Sort};
pub use report::{Left, Report, Taken};
use tree::Element;

/// What an import gives.
#[derive(Debug)]
pub struct Conversion {
    /// Definitions, as `vpd.import_definitions` reads them.
    pub document: Value,
    /// What was taken, and what was not.
    pub report: Report,
    /// Where each definition comes from.
    pub origins: Origins,
}

/// Turns a file into definitions. `stripe` names the application to take; without it all are taken, and when there are several, names begin
/// with that of their application.
///
/// # Errors
/// The file is no jazn-data.xml, is beyond the limits, or has no such application.
pub fn convert(content: &[u8], stripe: Option<&str>) -> Result<Conversion, String> {
    let text = tree::text(content)?;
    let document = tree::parse(text)?;
    let lines = tree::Lines::of(text);
    let root = Element::root(&document, &lines);
    if root.name() != "jazn-data" {
        return Err(format!(
            "line {}: it begins with <{}> and not with <jazn-data>",
            root.line(),
            root.name()
        ));
    }
    let mut report = Report::default();
    let mut applications = Vec::new();
    for part in root.children() {
        match part.name() {
            "policy-store" => read_policy_store(part, &mut applications, &mut report),
            "jazn-realm" => leave_realm(part, &mut report),
            "jazn-policy" | "system-policy" => leave_system_policy(part, &mut report),
            other => report.ignore(part.line(), other),
        }
    }
    if let Some(stripe) = stripe {
        let mut names: Vec<String> = Vec::new();
        applications.retain(|(name, element)| {
            let is_wanted = name == stripe;
            if !is_wanted {
                names.push(name.clone());
                report.leave(
                    element.line(),
                    format!("application {name}"),
                    "another one was asked for",
                );
            }
            is_wanted
        });
        if applications.is_empty() {
            return Err(format!(
                "it has no application \"{stripe}\"; it has {}",
                names.join(", ")
            ));
        }
    }
    let mut asked = Definitions::default();
    define_all(&applications, &mut asked, &mut Report::default());
    let mut definitions = Definitions::named_as_asked_in(asked);
    define_all(&applications, &mut definitions, &mut report);
    report.finish();
    let (document, origins) = definitions.into_document();
    Ok(Conversion {
        document,
        report,
        origins,
    })
}

/// Defines what the applications define. The first time it is only seen who asks for which name.
fn define_all(applications: &[(String, Element<'_>)], definitions: &mut Definitions, report: &mut Report) {
    let is_qualified = applications.len() > 1;
    for (place, (name, element)) in applications.iter().enumerate() {
        Application::read(*element, name, place, is_qualified, report).define(definitions, report);
    }
}

fn read_policy_store<'a>(
    store: Element<'a>,
    applications: &mut Vec<(String, Element<'a>)>,
    report: &mut Report,
) {
    for part in store.children() {
        if part.name() != "applications" {
            report.ignore(part.line(), part.name());
            continue;
        }
        for application in part.children() {
            match application.text("name") {
                Some(name) if application.name() == "application" => applications.push((name, application)),
                _ => report.leave(
                    application.line(),
                    format!("<{}>", application.name()),
                    "it is no application with a name",
                ),
            }
        }
    }
}

/// Users and enterprise roles of a realm. Credentials are not even looked at.
fn leave_realm(part: Element<'_>, report: &mut Report) {
    for realm in part.named("realm") {
        let users = realm.listed("users", "user").map(|user| ("user", user));
        let roles = realm
            .listed("roles", "role")
            .map(|role| ("enterprise role", role));
        for (kind, element) in users.chain(roles) {
            let name = element.text("name").unwrap_or_default();
            let reason = if kind == "user" {
                "users come from the identity provider, or from a load of users"
            } else {
                "its members come with the claims of the identity provider; it is taken where an application role has it as a member"
            };
            report.leave(element.line(), format!("{kind} {name}"), reason);
        }
    }
}

fn leave_system_policy(part: Element<'_>, report: &mut Report) {
    for grant in part.named("grant") {
        report.leave(
            grant.line(),
            "grant of the system policy",
            "it is about the Java platform, not about an application",
        );
    }
}
