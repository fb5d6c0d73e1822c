//! One application of the file: its roles with their members, its permission sets, its grants.

mod grants;
mod resources;

use std::collections::BTreeMap;

use super::definitions::Definitions;
use super::origin::{APPLICATION_ROLE, Claim, NO_KIND, Origin, Sort};
use super::report::Report;
use super::tree::Element;

/// Longest names that the database takes.
const LONGEST_NAME: usize = 256;
const LONGEST_RESOURCE: usize = 200;

/// The role whose privileges everybody has here, logged in or not. In the file it is a role like others, which only its members have.
const ANONYMOUS: &str = "anonymous";

/// An application as the file has it.
pub struct Application<'a> {
    element: Element<'a>,
    name: String,
    /// Its place in the file.
    place: usize,
    /// Put before every name when several applications are taken.
    prefix: String,
    /// Resource types: the kind, and what stands between actions.
    types: BTreeMap<String, (String, String)>,
}

/// Whom a grant or a membership is about.
enum Principal {
    ApplicationRole(String),
    EnterpriseRole(String),
    /// Everybody who is logged in, or everybody: the class says which, and then the name.
    Everybody(String, String),
    User,
    Unknown(String),
}

impl<'a> Application<'a> {
    /// Reads what the rest rests on.
    pub fn read(
        element: Element<'a>,
        name: &str,
        place: usize,
        is_qualified: bool,
        report: &mut Report,
    ) -> Self {
        let mut types = BTreeMap::new();
        for list in element.children() {
            match list.name() {
                "name" | "app-roles" | "resources" | "permission-sets" | "jazn-policy" => (),
                "resource-types" => {
                    for kind in list.named("resource-type") {
                        if let Some(name) = kind.text("name") {
                            let delimiter = kind.text("actions-delimiter").unwrap_or_else(|| ",".to_owned());
                            report.take(
                                kind.line(),
                                format!("resource type {name}"),
                                format!("kind {}", kind_of(&name)),
                            );
                            types.insert(name.clone(), (kind_of(&name), delimiter));
                        }
                    }
                }
                "role-categories" => {
                    for category in list.named("role-category") {
                        let name = category.text("name").unwrap_or_default();
                        report.leave(
                            category.line(),
                            format!("role category {name}"),
                            "categories only arrange roles in a tool; grant the roles to a role of this name where it is meant as one",
                        );
                    }
                }
                other => report.ignore(list.line(), other),
            }
        }
        Self {
            element,
            name: name.to_owned(),
            place,
            prefix: if is_qualified {
                format!("{name}.")
            } else {
                String::new()
            },
            types,
        }
    }

    /// Adds its definitions.
    pub fn define(&self, definitions: &mut Definitions, report: &mut Report) {
        self.define_roles(definitions, report);
        self.define_resources(definitions, report);
        self.define_permission_sets(definitions, report);
        self.define_grants(definitions, report);
    }

    fn role_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// What is of this application alone.
    fn origin(&self, sort: Sort, class: &str, name: &str) -> Origin {
        Origin {
            sort,
            application: Some(self.place),
            class: class.to_owned(),
            name: name.to_owned(),
        }
    }

    fn role_origin(&self, name: &str) -> Origin {
        self.origin(Sort::Role, APPLICATION_ROLE, name)
    }

    /// The name that something asks for, with its application before it when there are several.
    fn claim(&self, class: &str, name: &str, kind: &str, line: u32) -> Claim {
        Claim {
            name: self.role_name(name),
            kind: kind.to_owned(),
            what: format!("{class} {name} of {}", self.name),
            line,
        }
    }

    fn define_roles(&self, definitions: &mut Definitions, report: &mut Report) {
        for role in self.element.listed("app-roles", "app-role") {
            let Some(plain) = self.usable_name(role, "app-role", report) else {
                continue;
            };
            let name = self.role_name(&plain);
            let what = format!("app-role {name}");
            if name == ANONYMOUS {
                report.leave(role.line(), what, belongs_to_everybody());
                continue;
            }
            let claim = self.claim(APPLICATION_ROLE, &plain, "application", role.line());
            match definitions.role(&self.role_origin(&plain), claim, "application", describe(role)) {
                Ok(name) => report.take(role.line(), what, format!("role:{name} (application)")),
                Err(reason) => report.leave(role.line(), what, reason),
            }
            note_ignored(role, &["name", "class", "members"], report);
        }
        for role in self.element.listed("app-roles", "app-role") {
            let Some(plain) = role.text("name") else { continue };
            let taken = definitions.names.of(&self.role_origin(&plain));
            for member in role.listed("members", "member") {
                if let Some(Ok(name)) = &taken {
                    self.define_member(name, member, definitions, report);
                } else {
                    let name = self.role_name(&plain);
                    let what = format!("member {} of {name}", member.text("name").unwrap_or_default());
                    report.leave(member.line(), what, "the role is not taken");
                }
            }
        }
    }

    /// Whoever is a member of a role has it.
    fn define_member(
        &self,
        role: &str,
        member: Element<'_>,
        definitions: &mut Definitions,
        report: &mut Report,
    ) {
        let what = format!("member {} of {role}", member.text("name").unwrap_or_default());
        match Principal::read(member) {
            None => report.leave(member.line(), what, "it has no name and class"),
            Some(Principal::User) => report.leave(
                member.line(),
                what,
                format!("users are not part of definitions: vpd.grant_authority('role:{role}', 'user:…') when the user is there"),
            ),
            Some(Principal::Unknown(class)) => {
                report.leave(member.line(), what, format!("class {class} is neither a role nor a user"));
            }
            Some(principal) => match self.holder(principal, member.line(), definitions) {
                Ok(holder) if holder == role => report.leave(member.line(), what, "a role cannot contain itself"),
                Ok(holder) => {
                    definitions.grant(&format!("role:{holder}"), format!("role:{role}"));
                    report.take(member.line(), what, format!("role:{holder} holds role:{role}"));
                }
                Err(reason) => report.leave(member.line(), what, reason),
            },
        }
    }

    /// The role that stands for a principal.
    fn holder(
        &self,
        principal: Principal,
        line: u32,
        definitions: &mut Definitions,
    ) -> Result<String, String> {
        match principal {
            Principal::EnterpriseRole(name) | Principal::Everybody(_, name) if name == ANONYMOUS => {
                Err(belongs_to_everybody())
            }
            Principal::ApplicationRole(name) => match definitions.names.of(&self.role_origin(&name)) {
                Some(name) => name,
                None if self.role_name(&name) == ANONYMOUS => Err(belongs_to_everybody()),
                None => Err("the file has no application role of this name".to_owned()),
            },
            Principal::EnterpriseRole(name) => {
                role_beside(("enterprise role", "enterprise"), name, line, None, definitions)
            }
            Principal::Everybody(class, name) => {
                let description = "From Oracle, where everybody has it; here it has to be granted.";
                role_beside(
                    (&class, "abstract"),
                    name,
                    line,
                    Some(description.to_owned()),
                    definitions,
                )
            }
            Principal::User | Principal::Unknown(_) => Err("it is no role".to_owned()),
        }
    }

    /// The name of a definition, when it can be one here.
    fn usable_name(&self, element: Element<'_>, what: &str, report: &mut Report) -> Option<String> {
        let Some(name) = element.text("name") else {
            report.leave(element.line(), what, "it has no name");
            return None;
        };
        if is_usable(&self.role_name(&name), LONGEST_NAME) {
            return Some(name);
        }
        report.leave(element.line(), format!("{what} {name}"), unusable(LONGEST_NAME));
        None
    }
}

impl Principal {
    /// Reads `<class>` and `<name>`.
    fn read(element: Element<'_>) -> Option<Self> {
        let name = element.text("name")?;
        let class = element.text("class")?;
        let simple = class.rsplit('.').next().unwrap_or_default();
        Some(match simple {
            "JpsAuthenticatedRoleImpl" | "JpsAnonymousRoleImpl" => Self::Everybody(simple.to_owned(), name),
            "ApplicationRole" | "JpsApplicationRole" | "JpsXmlApplicationRoleImpl" => {
                Self::ApplicationRole(name)
            }
            "WLSGroupImpl" | "JpsXmlEnterpriseRoleImpl" | "LDAPGroupPrincipal" => Self::EnterpriseRole(name),
            "WLSUserImpl" | "JpsXmlUserImpl" | "JpsAnonymousUserImpl" => Self::User,
            _ => Self::Unknown(class),
        })
    }
}

/// A role that stands in the file as a principal only, of a class and of a kind here. Of one of another class that has the name it would get the
/// members, or give it its own.
fn role_beside(
    (class, kind): (&str, &'static str),
    name: String,
    line: u32,
    description: Option<String>,
    definitions: &mut Definitions,
) -> Result<String, String> {
    if !is_usable(&name, LONGEST_NAME) {
        return Err(unusable(LONGEST_NAME));
    }
    let claim = Claim {
        name: name.clone(),
        kind: kind.to_owned(),
        what: format!("{class} {name}"),
        line,
    };
    let origin = Origin {
        sort: Sort::Role,
        application: None,
        class: class.to_owned(),
        name,
    };
    definitions.role(&origin, claim, kind, description)
}

/// The kind of a resource type.
fn kind_of(resource_type: &str) -> String {
    match resource_type {
        "TaskFlowResourceType" => "task_flow".to_owned(),
        "RegionResourceType" => "page".to_owned(),
        "WebServiceResourceType" | "WSFunctionResourceType" => "web_service".to_owned(),
        other => other.to_owned(),
    }
}

/// What tells resources of a type apart from others of their name.
fn class_of_type(resource_type: &str) -> String {
    format!("type {resource_type}")
}

/// Display name and description in one.
fn describe(element: Element<'_>) -> Option<String> {
    match (element.text("display-name"), element.text("description")) {
        (Some(name), Some(description)) if name != description => Some(format!("{name}: {description}")),
        (Some(text), _) | (None, Some(text)) => Some(text),
        (None, None) => None,
    }
}

/// Names of the database: of one line, without space around them.
fn is_usable(name: &str, longest: usize) -> bool {
    !name.is_empty()
        && name.chars().count() <= longest
        && !name.chars().any(char::is_control)
        && name.trim() == name
}

fn belongs_to_everybody() -> String {
    format!("what the role {ANONYMOUS} holds belongs to everybody here: give the role another name")
}

fn unusable(longest: usize) -> String {
    format!("its name is longer than {longest} characters, or has control characters")
}

/// Names of task flows and pages are regular expressions in Oracle; most are plain names with dots.
fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '[', '|', '^', '$']) || name.contains(".+")
}

fn note_ignored(element: Element<'_>, known: &[&str], report: &mut Report) {
    for child in element.children() {
        let name = child.name();
        let is_described = matches!(name, "display-name" | "description");
        if !known.contains(&name) && !is_described {
            report.ignore(child.line(), name);
        }
    }
}
