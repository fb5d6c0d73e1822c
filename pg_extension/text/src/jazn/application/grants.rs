//! Its grants, and what the permissions in them are about.

use super::{Application, NO_KIND, Principal, class_of_type, is_pattern, is_usable};
use crate::jazn::definitions::Definitions;
use crate::jazn::report::Report;
use crate::jazn::tree::Element;

/// What a permission is about.
pub struct Permission {
    pub resource: String,
    /// Its type in the file, or its class: another one of the name is something else.
    pub class: String,
    pub kind: String,
    pub delimiter: String,
}

/// Classes of permissions and the types of the resources that they are for.
const OF_TYPES: [(&str, &str); 3] = [
    (
        "oracle.adf.controller.security.TaskFlowPermission",
        "TaskFlowResourceType",
    ),
    (
        "oracle.adf.share.security.authorization.RegionPermission",
        "RegionResourceType",
    ),
    (
        "oracle.wsm.security.WSFunctionPermission",
        "WSFunctionResourceType",
    ),
];

impl Application<'_> {
    pub(super) fn define_grants(&self, definitions: &mut Definitions, report: &mut Report) {
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
                principal => self.holder(principal, grant.line(), definitions),
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
                let what = format!("permission-set-ref {} for {holder}", self.role_name(&plain));
                let set = definitions.names.of(&self.set_origin(&plain));
                let missing = || Err("the application has no permission set of this name".to_owned());
                match set.unwrap_or_else(missing) {
                    Ok(name) => {
                        definitions.grant(&format!("role:{holder}"), format!("entitlement:{name}"));
                        let became = format!("role:{holder} holds entitlement:{name}");
                        report.take(reference.line(), what, became);
                    }
                    Err(reason) => report.leave(reference.line(), what, reason),
                }
            }
        }
    }

    pub(super) fn define_permission(
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
    pub(super) fn permission(&self, class: &str, name: &str) -> Result<Permission, String> {
        let of_class = |kind: &str| {
            Ok(Permission {
                resource: name.to_owned(),
                // The classes that Oracle's own types stand for speak of the same resources.
                class: OF_TYPES
                    .iter()
                    .find(|(known, _)| *known == class)
                    .map_or_else(|| format!("class {class}"), |(_, known)| class_of_type(known)),
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
                let (resource_type, resource) = type_and_name(name)?;
                Ok(self.of_type(resource_type, resource.to_owned()))
            }
            "TaskFlowPermission" => of_class("task_flow"),
            "RegionPermission" => of_class("page"),
            "WSFunctionPermission" => of_class("web_service"),
            _ if ["java.", "javax.", "weblogic.", "oracle.security.", "sun."]
                .iter()
                .any(|package| class.starts_with(package)) =>
            {
                Err(format!("{class} is a permission of the Java platform"))
            }
            _ => of_class(NO_KIND),
        }
    }

    /// A privilege for each action.
    pub(super) fn define_privileges(
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
        let (origin, resource) = match self.resource_name(permission, element.line(), definitions) {
            Ok(named) => named,
            Err(reason) => {
                report.leave(element.line(), what, reason);
                return;
            }
        };
        definitions.resource(&origin, &resource, &permission.kind, None);
        let mut became = Vec::new();
        for action in good {
            let privilege = definitions.privilege(&origin, &resource, &action);
            definitions.grant(holder, privilege.clone());
            became.push(privilege);
        }
        report.take(
            element.line(),
            what,
            format!("{holder} holds {}", became.join(", ")),
        );
    }
}

/// Type and name of `resourceType=…,resourceName=…`. A name goes on to the end, with whatever commas are in it.
fn type_and_name(text: &str) -> Result<(Option<&str>, &str), String> {
    fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
        let value = text
            .trim_start()
            .strip_prefix(key)?
            .trim_start()
            .strip_prefix('=')?;
        Some(value.trim())
    }
    let named = match value(text, "resourceType") {
        Some(rest) => rest
            .split_once(',')
            .and_then(|(kind, rest)| Some((Some(kind.trim()), value(rest, "resourceName")?))),
        // With the type behind it the name could be either.
        None => value(text, "resourceName")
            .filter(|name| !name.contains("resourceType"))
            .map(|name| (None, name)),
    };
    let reason = "its name has no resourceName=… right behind resourceType=…";
    named
        .filter(|(_, name)| !name.is_empty())
        .ok_or_else(|| reason.to_owned())
}
