//! Its resources and permission sets.

use super::grants::Permission;
use super::{
    Application, LONGEST_RESOURCE, describe, is_pattern, is_usable, kind_of, note_ignored, unusable,
};
use crate::jazn::definitions::Definitions;
use crate::jazn::report::Report;

impl Application<'_> {
    pub(super) fn define_resources(&self, definitions: &mut Definitions, report: &mut Report) {
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
    pub(super) fn resource_name(
        &self,
        name: &str,
        kind: &str,
        definitions: &Definitions,
    ) -> Result<String, String> {
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

    pub(super) fn kind(&self, resource_type: Option<&str>) -> String {
        let Some(name) = resource_type else {
            return "abstract".to_owned();
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

    pub(super) fn delimiter(&self, resource_type: Option<&str>) -> String {
        resource_type
            .and_then(|name| self.types.get(name))
            .map_or_else(|| ",".to_owned(), |(_, delimiter)| delimiter.clone())
    }
}
