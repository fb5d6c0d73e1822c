//! One application of the file: its roles with their members, its permission sets, its grants.

use std::collections::{BTreeMap, BTreeSet};

use super::definitions::Definitions;
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
    /// Put before every name when several applications are taken.
    prefix: String,
    /// Resource types: the kind, and what stands between actions.
    types: BTreeMap<String, (String, String)>,
    /// Names of its permission sets.
    sets: BTreeSet<String>,
}

/// Whom a grant or a membership is about.
enum Principal {
    ApplicationRole(String),
    EnterpriseRole(String),
    /// Everybody who is logged in, or everybody.
    Everybody(String),
    User,
    Unknown(String),
}

/// What a permission is about.
struct Permission {
    resource: String,
    kind: String,
    delimiter: String,
}

impl<'a> Application<'a> {
    /// Reads what the rest rests on.
    pub fn read(element: Element<'a>, prefix: String, report: &mut Report) -> Self {
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
        let sets = element
            .listed("permission-sets", "permission-set")
            .filter_map(|set| set.text("name"))
            .collect();
        Self {
            element,
            prefix,
            types,
            sets,
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

    fn define_roles(&self, definitions: &mut Definitions, report: &mut Report) {
        for role in self.element.listed("app-roles", "app-role") {
            let Some(name) = self.usable_name(role, "app-role", report) else {
                continue;
            };
            let name = self.role_name(&name);
            if name == ANONYMOUS {
                report.leave(role.line(), format!("app-role {name}"), belongs_to_everybody());
                continue;
            }
            definitions.role(&name, "application", describe(role));
            report.take(
                role.line(),
                format!("app-role {name}"),
                format!("role:{name} (application)"),
            );
            note_ignored(role, &["name", "class", "members"], report);
        }
        for role in self.element.listed("app-roles", "app-role") {
            let Some(name) = role.text("name") else { continue };
            let name = self.role_name(&name);
            let is_taken = definitions.kind_of_role(&name) == Some("application");
            for member in role.listed("members", "member") {
                if is_taken {
                    self.define_member(&name, member, definitions, report);
                } else {
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
            Some(principal) => match self.holder(principal, definitions) {
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
    fn holder(&self, principal: Principal, definitions: &mut Definitions) -> Result<String, String> {
        match principal {
            Principal::EnterpriseRole(name) | Principal::Everybody(name) if name == ANONYMOUS => {
                Err(belongs_to_everybody())
            }
            Principal::ApplicationRole(name) => {
                let name = self.role_name(&name);
                match definitions.kind_of_role(&name) {
                    Some("application") => Ok(name),
                    _ if name == ANONYMOUS => Err(belongs_to_everybody()),
                    _ => Err("the file has no application role of this name".to_owned()),
                }
            }
            Principal::EnterpriseRole(name) => role_beside(name, "enterprise", None, definitions),
            Principal::Everybody(name) => {
                let description = "From Oracle, where everybody has it; here it has to be granted.";
                role_beside(name, "abstract", Some(description.to_owned()), definitions)
            }
            Principal::User | Principal::Unknown(_) => Err("it is no role".to_owned()),
        }
    }

    fn define_resources(&self, definitions: &mut Definitions, report: &mut Report) {
        for resource in self.element.listed("resources", "resource") {
            let Some(name) = self.usable_name(resource, "resource", report) else {
                continue;
            };
            let kind = self.kind(resource.text("type-name-ref").as_deref());
            match self.resource_name(&name, &kind, definitions) {
                Ok(taken) => {
                    definitions.resource(&taken, &kind, describe(resource));
                    report.take(
                        resource.line(),
                        format!("resource {name}"),
                        format!("resource {taken} ({kind})"),
                    );
                }
                Err(reason) => report.leave(resource.line(), format!("resource {name}"), reason),
            }
            note_ignored(resource, &["name", "type-name-ref"], report);
        }
    }

    /// The name a resource gets; Oracle tells resources of the same name apart by their types.
    fn resource_name(&self, name: &str, kind: &str, definitions: &Definitions) -> Result<String, String> {
        if is_pattern(name) {
            return Err("it is a pattern, and privileges here are on resources by name".to_owned());
        }
        let plain = self.role_name(name);
        let taken = match definitions.kind_of_resource(&plain) {
            Some(other) if other != kind => format!("{kind}/{plain}"),
            _ => plain,
        };
        if is_usable(&taken, LONGEST_RESOURCE) {
            Ok(taken)
        } else {
            Err(unusable(LONGEST_RESOURCE))
        }
    }

    fn kind(&self, resource_type: Option<&str>) -> String {
        let Some(name) = resource_type else {
            return "abstract".to_owned();
        };
        self.types
            .get(name)
            .map_or_else(|| kind_of(name), |(kind, _)| kind.clone())
    }

    fn define_permission_sets(&self, definitions: &mut Definitions, report: &mut Report) {
        for set in self.element.listed("permission-sets", "permission-set") {
            let Some(name) = self.usable_name(set, "permission-set", report) else {
                continue;
            };
            let name = self.role_name(&name);
            definitions.entitlement(&name, describe(set));
            report.take(
                set.line(),
                format!("permission-set {name}"),
                format!("entitlement:{name}"),
            );
            note_ignored(set, &["name", "member-resources"], report);
            for member in set.listed("member-resources", "member-resource") {
                let resource = member.text("resource-name");
                let what = format!(
                    "member-resource {} of {name}",
                    resource
                        .clone()
                        .or_else(|| member.text("resource-name-expression"))
                        .unwrap_or_default()
                );
                let Some(resource) = resource else {
                    report.leave(
                        member.line(),
                        what,
                        "it names its resources by an expression; privileges here are on resources by name",
                    );
                    continue;
                };
                let resource_type = member.text("type-name-ref");
                let permission = Permission {
                    resource,
                    kind: self.kind(resource_type.as_deref()),
                    delimiter: self.delimiter(resource_type.as_deref()),
                };
                self.define_privileges(
                    &format!("entitlement:{name}"),
                    &permission,
                    member,
                    what,
                    definitions,
                    report,
                );
            }
        }
    }

    fn delimiter(&self, resource_type: Option<&str>) -> String {
        resource_type
            .and_then(|name| self.types.get(name))
            .map_or_else(|| ",".to_owned(), |(_, delimiter)| delimiter.clone())
    }

    fn define_grants(&self, definitions: &mut Definitions, report: &mut Report) {
        for grant in self.element.listed("jazn-policy", "grant") {
            let principals: Vec<Element<'_>> = grant
                .named("grantee")
                .flat_map(|grantee| grantee.listed("principals", "principal"))
                .collect();
            let is_about_code = grant
                .named("grantee")
                .any(|grantee| grantee.named("codesource").next().is_some());
            let principal = match principals.as_slice() {
                _ if is_about_code => Err("it is for code from a place, which a database does not see".to_owned()),
                [] => Err("it names no principal".to_owned()),
                [principal] => Principal::read(*principal).ok_or_else(|| "its principal has no name and class".to_owned()),
                _ => Err(
                    "it is for whoever has all of several principals; taken one by one each of them would get it: make a role of its own for it"
                        .to_owned(),
                ),
            };
            let holder = principal.and_then(|principal| match principal {
                Principal::User => Err("privileges are held by roles, never by users".to_owned()),
                Principal::Unknown(class) => Err(format!("class {class} is neither a role nor a user")),
                principal => self.holder(principal, definitions),
            });
            let holder = match holder {
                Ok(holder) => holder,
                Err(reason) => {
                    let names: Vec<String> = principals
                        .iter()
                        .filter_map(|principal| principal.text("name"))
                        .collect();
                    report.leave(grant.line(), format!("grant to {}", names.join(" and ")), reason);
                    continue;
                }
            };
            for permission in grant.listed("permissions", "permission") {
                self.define_permission(&holder, permission, definitions, report);
            }
            for reference in grant.listed("permission-set-refs", "permission-set-ref") {
                let plain = reference.text("name").unwrap_or_default();
                let name = self.role_name(&plain);
                let what = format!("permission-set-ref {name} for {holder}");
                if self.sets.contains(&plain) {
                    definitions.grant(&format!("role:{holder}"), format!("entitlement:{name}"));
                    report.take(
                        reference.line(),
                        what,
                        format!("role:{holder} holds entitlement:{name}"),
                    );
                } else {
                    report.leave(
                        reference.line(),
                        what,
                        "the application has no permission set of this name",
                    );
                }
            }
        }
    }

    fn define_permission(
        &self,
        holder: &str,
        element: Element<'_>,
        definitions: &mut Definitions,
        report: &mut Report,
    ) {
        let name = element.text("name").unwrap_or_default();
        let class = element.text("class").unwrap_or_default();
        let what = format!("permission {name} for {holder}");
        match self.permission(&class, &name) {
            Err(reason) => report.leave(element.line(), what, reason),
            Ok(permission) => {
                let holder = format!("role:{holder}");
                self.define_privileges(&holder, &permission, element, what, definitions, report);
            }
        }
    }

    /// What a permission of a class is about.
    fn permission(&self, class: &str, name: &str) -> Result<Permission, String> {
        let of_kind = |kind: &str| {
            Ok(Permission {
                resource: name.to_owned(),
                kind: kind.to_owned(),
                delimiter: ",".to_owned(),
            })
        };
        if name.is_empty() {
            return Err("it names nothing".to_owned());
        }
        match class.rsplit('.').next().unwrap_or_default() {
            "" => Err("it has no class".to_owned()),
            "ResourcePermission" => {
                let part = |key: &str| {
                    name.split(',')
                        .find_map(|part| part.trim().strip_prefix(key)?.trim_start().strip_prefix('='))
                        .map(|value| value.trim().to_owned())
                };
                let resource_type = part("resourceType");
                Ok(Permission {
                    resource: part("resourceName").ok_or("its name has no resourceName=…")?,
                    kind: self.kind(resource_type.as_deref()),
                    delimiter: self.delimiter(resource_type.as_deref()),
                })
            }
            "TaskFlowPermission" => of_kind("task_flow"),
            "RegionPermission" => of_kind("page"),
            "WSFunctionPermission" => of_kind("web_service"),
            _ if ["java.", "javax.", "weblogic.", "oracle.security.", "sun."]
                .iter()
                .any(|package| class.starts_with(package)) =>
            {
                Err(format!("{class} is a permission of the Java platform"))
            }
            _ => of_kind("abstract"),
        }
    }

    /// A privilege for each action.
    fn define_privileges(
        &self,
        holder: &str,
        permission: &Permission,
        element: Element<'_>,
        what: String,
        definitions: &mut Definitions,
        report: &mut Report,
    ) {
        let actions: Vec<String> = element
            .text("actions")
            .unwrap_or_default()
            .split(permission.delimiter.as_str())
            .map(|action| action.trim().to_owned())
            .filter(|action| !action.is_empty())
            .collect();
        if actions.is_empty() {
            report.leave(element.line(), what, "it has no actions");
            return;
        }
        let resource = match self.resource_name(&permission.resource, &permission.kind, definitions) {
            Ok(resource) => resource,
            Err(reason) => {
                report.leave(element.line(), what, reason);
                return;
            }
        };
        let (good, bad): (Vec<_>, Vec<_>) = actions
            .into_iter()
            .partition(|action| !is_pattern(action) && !action.contains(':') && is_usable(action, 50));
        for action in bad {
            report.leave(
                element.line(),
                format!("action {action} of {what}"),
                "it is no plain name of an action",
            );
        }
        if good.is_empty() {
            return;
        }
        definitions.resource(&resource, &permission.kind, None);
        let mut became = Vec::new();
        for action in good {
            let privilege = definitions.privilege(&resource, &action);
            definitions.grant(holder, privilege.clone());
            became.push(privilege);
        }
        report.take(
            element.line(),
            what,
            format!("{holder} holds {}", became.join(", ")),
        );
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
            "JpsAuthenticatedRoleImpl" | "JpsAnonymousRoleImpl" => Self::Everybody(name),
            "ApplicationRole" | "JpsApplicationRole" | "JpsXmlApplicationRoleImpl" => {
                Self::ApplicationRole(name)
            }
            "WLSGroupImpl" | "JpsXmlEnterpriseRoleImpl" | "LDAPGroupPrincipal" => Self::EnterpriseRole(name),
            "WLSUserImpl" | "JpsXmlUserImpl" | "JpsAnonymousUserImpl" => Self::User,
            _ => Self::Unknown(class),
        })
    }
}

/// A role that stands in the file as a principal only. Of one that has the name already and is of another kind it would get the members, or give it its own.
fn role_beside(
    name: String,
    kind: &'static str,
    description: Option<String>,
    definitions: &mut Definitions,
) -> Result<String, String> {
    if !is_usable(&name, LONGEST_NAME) {
        return Err(unusable(LONGEST_NAME));
    }
    if let Some(other) = definitions.kind_of_role(&name).filter(|other| *other != kind) {
        return Err(format!(
            "{kind} and {other} roles are both called {name}, and here a name is one role: rename one of them"
        ));
    }
    definitions.role(&name, kind, description);
    Ok(name)
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
