//! The document that a file becomes.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::document::{FORMAT, VERSION};
use serde_json::{Map, Value, json};

/// Definitions by name.
#[derive(Debug, Default)]
pub struct Definitions {
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
    /// A role; the first description stays.
    pub fn role(&mut self, name: &str, kind: &'static str, description: Option<String>) {
        let entry = self.roles.entry(name.to_owned()).or_insert((kind, None));
        entry.1 = entry.1.take().or(description);
    }

    /// The kind of the role of a name.
    pub fn kind_of_role(&self, name: &str) -> Option<&'static str> {
        self.roles.get(name).map(|(kind, _)| *kind)
    }

    /// The kind of the resource of a name.
    pub fn kind_of_resource(&self, name: &str) -> Option<&str> {
        self.resources.get(name).map(|(kind, _)| kind.as_str())
    }

    /// A resource.
    pub fn resource(&mut self, name: &str, kind: &str, description: Option<String>) {
        let entry = self
            .resources
            .entry(name.to_owned())
            .or_insert_with(|| (kind.to_owned(), None));
        entry.1 = entry.1.take().or(description);
    }

    /// An action on a resource; returns the privilege.
    pub fn privilege(&mut self, resource: &str, action: &str) -> String {
        let name = format!("{resource}:{action}");
        let privilege = format!("privilege:{name}");
        self.privileges.insert(name);
        privilege
    }

    /// A set of privileges.
    pub fn entitlement(&mut self, name: &str, description: Option<String>) {
        self.entitlements.insert(name.to_owned(), description);
    }

    /// Lets somebody hold something.
    pub fn grant(&mut self, holder: &str, granted: impl Into<String>) {
        self.grants
            .entry(holder.to_owned())
            .or_default()
            .insert(granted.into());
    }

    /// The document.
    pub fn into_document(self) -> Value {
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
        json!({
            "format": FORMAT,
            "version": VERSION,
            "resources": resources,
            "privileges": privileges,
            "entitlements": entitlements,
            "roles": roles,
            "grants": grants,
        })
    }
}
