//! Its resources and permission sets.

use super::grants::Permission;
use super::{
    Application, LONGEST_RESOURCE, NO_KIND, Origin, Sort, class_of_type, describe, is_pattern, is_usable,
    kind_of, note_ignored, unusable,
};
use crate::jazn::definitions::Definitions;
use crate::jazn::report::Report;

impl Application<'_> {
    pub(super) fn define_resources(&self, definitions: &mut Definitions, report: &mut Report) {
        for resource in self.element.listed("resources", "resource") {
            let Some(name) = self.usable_name(resource, "resource", report) else {
                continue;
            };
            let permission = self.of_type(resource.text("type-name-ref").as_deref(), name.clone());
            match self.resource_name(&permission, resource.line(), definitions) {
                Ok((origin, taken)) => {
                    definitions.resource(&origin, &taken, &permission.kind, describe(resource));
                    report.take(
                        resource.line(),
                        format!("resource {name}"),
                        format!("resource {taken} ({})", permission.kind),
                    );
                }
                Err(reason) => report.leave(resource.line(), format!("resource {name}"), reason),
            }
            note_ignored(resource, &["name", "type-name-ref"], report);
        }
    }

    /// What a permission is about, and the name it gets; Oracle tells resources of the same name apart by their types and classes.
    pub(super) fn resource_name(
        &self,
        permission: &Permission,
        line: u32,
        definitions: &mut Definitions,
    ) -> Result<(Origin, String), String> {
        let (class, name) = (permission.class.as_str(), permission.resource.as_str());
        if is_pattern(name) {
            return Err("it is a pattern, and privileges here are on resources by name".to_owned());
        }
        if !is_usable(&self.role_name(name), LONGEST_RESOURCE) {
            return Err(unusable(LONGEST_RESOURCE));
        }
        let origin = self.origin(Sort::Resource, class, name);
        let claim = self.claim(&format!("resource of {class}"), name, &permission.kind, line);
        let taken = definitions.names.ask(&origin, claim)?;
        // The kind may stand before it now.
        if is_usable(&taken, LONGEST_RESOURCE) {
            Ok((origin, taken))
        } else {
            Err(unusable(LONGEST_RESOURCE))
        }
    }

    /// A resource of a type.
    pub(super) fn of_type(&self, resource_type: Option<&str>, resource: String) -> Permission {
        Permission {
            resource,
            class: resource_type.map_or_else(|| "no type".to_owned(), class_of_type),
            kind: self.kind(resource_type),
            delimiter: self.delimiter(resource_type),
        }
    }

    fn kind(&self, resource_type: Option<&str>) -> String {
        let Some(name) = resource_type else {
            return NO_KIND.to_owned();
        };
        self.types
            .get(name)
            .map_or_else(|| kind_of(name), |(kind, _)| kind.clone())
    }

    pub(super) fn define_permission_sets(&self, definitions: &mut Definitions, report: &mut Report) {
        for set in self.element.listed("permission-sets", "permission-set") {
            let Some(name) = self.usable_name(set, "permission-set", report) else {
                continue;
            };
            let what = format!("permission-set {}", self.role_name(&name));
            let claim = self.claim("permission set", &name, "", set.line());
            let name = match definitions.entitlement(&self.set_origin(&name), claim, describe(set)) {
                Ok(name) => name,
                Err(reason) => {
                    report.leave(set.line(), what, reason);
                    continue;
                }
            };
            report.take(set.line(), what, format!("entitlement:{name}"));
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
                let permission = self.of_type(resource_type.as_deref(), resource);
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

    pub(super) fn set_origin(&self, name: &str) -> Origin {
        self.origin(Sort::Entitlement, "permission set", name)
    }

    fn delimiter(&self, resource_type: Option<&str>) -> String {
        resource_type
            .and_then(|name| self.types.get(name))
            .map_or_else(|| ",".to_owned(), |(_, delimiter)| delimiter.clone())
    }
}
