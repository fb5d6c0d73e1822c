//! Its grants, and what the permissions in them are about.

use super::{Application, Principal, is_pattern, is_usable};
use crate::jazn::definitions::Definitions;
use crate::jazn::report::Report;
use crate::jazn::tree::Element;

/// What a permission is about.
pub struct Permission {
    pub resource: String,
    pub kind: String,
    pub delimiter: String,
}

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
}
