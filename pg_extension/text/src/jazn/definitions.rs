//! The document that a file becomes.

use std::collections::{BTreeMap, BTreeSet};

use super::origin::{Claim, Names, Origin};
use crate::store::document::{FORMAT, VERSION};
use serde_json::{Map, Value, json};

/// Which parts of the file became the definition of a name, as `role:Buyer`. More than one is a fault of the import.
pub type Origins = BTreeMap<String, BTreeSet<Origin>>;

/// Definitions by name.
#[derive(Debug, Default)]
pub struct Definitions {
    /// Who gets which name.
    pub names: Names,
    /// Where each definition comes from.
    origins: Origins,
    /// Resources: kind and description.
    resources: BTreeMap<String, (String, Option<String>)>,
    /// Privileges; the database knows which actions only show something.
    privileges: BTreeSet<String>,
    /// Entitlements: description.
    entitlements: BTreeMap<String, Option<String>>,
    /// Roles: kind and description.
    roles: BTreeMap<String, (&'static str, Option<String>)>,
    /// What each holder holds.
    grants: BTreeMap<String, BTreeSet<String>>,
}

impl Definitions {
    /// Definitions that get the names that were asked for in these.
    pub fn named_as_asked_in(asked: Self) -> Self {
        Self {
            names: asked.names.settle(),
            ..Self::default()
        }
    }

    /// A role, with its name; the first description stays.
    pub fn role(
        &mut self,
        origin: &Origin,
        claim: Claim,
        kind: &'static str,
        description: Option<String>,
    ) -> Result<String, String> {
        let name = self.names.ask(origin, claim)?;
        let entry = self.roles.entry(name.clone()).or_insert((kind, None));
        entry.1 = entry.1.take().or(description);
        self.note(format!("role:{name}"), origin);
        Ok(name)
    }

    /// A resource of the name that its origin got.
    pub fn resource(&mut self, origin: &Origin, name: &str, kind: &str, description: Option<String>) {
        let entry = self
            .resources
            .entry(name.to_owned())
            .or_insert_with(|| (kind.to_owned(), None));
        entry.1 = entry.1.take().or(description);
        self.note(format!("resource:{name}"), origin);
    }

    /// An action on a resource; returns the privilege.
    pub fn privilege(&mut self, origin: &Origin, resource: &str, action: &str) -> String {
        let name = format!("{resource}:{action}");
        let privilege = format!("privilege:{name}");
        self.privileges.insert(name);
        self.note(privilege.clone(), origin);
        privilege
    }

    /// A set of privileges, with its name.
    pub fn entitlement(
        &mut self,
        origin: &Origin,
        claim: Claim,
        description: Option<String>,
    ) -> Result<String, String> {
        let name = self.names.ask(origin, claim)?;
        self.entitlements.insert(name.clone(), description);
        self.note(format!("entitlement:{name}"), origin);
        Ok(name)
    }

    fn note(&mut self, name: String, origin: &Origin) {
        self.origins.entry(name).or_default().insert(origin.clone());
    }

    /// Lets somebody hold something.
    pub fn grant(&mut self, holder: &str, granted: impl Into<String>) {
        self.grants
            .entry(holder.to_owned())
            .or_default()
            .insert(granted.into());
    }

    /// The document, and where each of its definitions comes from.
    pub fn into_document(self) -> (Value, Origins) {
        let described = |name: &String, description: &Option<String>| {
            let mut item = Map::new();
            item.insert("name".to_owned(), json!(name));
            if let Some(description) = description {
                item.insert("description".to_owned(), json!(description));
            }
            item
        };
        let of_kind = |name: &String, kind: &str, description: &Option<String>| {
            let mut item = described(name, description);
            item.insert("kind".to_owned(), json!(kind));
            Value::Object(item)
        };
        let resources: Vec<Value> = self
            .resources
            .iter()
            .map(|(name, (kind, description))| of_kind(name, kind, description))
            .collect();
        let roles: Vec<Value> = self
            .roles
            .iter()
            .map(|(name, (kind, description))| of_kind(name, kind, description))
            .collect();
        let privileges: Vec<Value> = self
            .privileges
            .iter()
            .map(|name| json!({ "name": name }))
            .collect();
        let entitlements: Vec<Value> = self
            .entitlements
            .iter()
            .map(|(name, description)| Value::Object(described(name, description)))
            .collect();
        let grants: Vec<Value> = self
            .grants
            .iter()
            .map(|(holder, held)| json!({ "holder": holder, "holds": held }))
            .collect();
        let document = json!({
            "format": FORMAT,
            "version": VERSION,
            "resources": resources,
            "privileges": privileges,
            "entitlements": entitlements,
            "roles": roles,
            "grants": grants,
        });
        (document, self.origins)
    }
}
