//! Who asks: users with roles, privileges and attributes.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::random::Random;
use super::value::{Datum, Seal, Type, Value};

/// The two groups of every table with a driving context.
pub const GROUPS: [&str; 2] = ["ONE", "TWO"];

/// Roles that sessions may have.
pub const ROLES: [&str; 3] = ["clerk", "manager", "auditor"];
/// Privileges that sessions may have.
pub const PRIVILEGES: [&str; 2] = ["read", "write"];

/// An attribute of a session.
#[derive(Debug, Clone)]
enum Attribute {
    One(Value),
    List(Vec<Value>),
}

/// Somebody with a session.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Name of the user.
    pub name: String,
    /// Roles.
    pub roles: HashSet<&'static str>,
    /// Privileges.
    pub privileges: HashSet<&'static str>,
    attributes: Vec<(Type, Attribute)>,
    /// What the driving context names.
    pub mode: Option<usize>,
}

impl Subject {
    /// Somebody.
    pub fn random(random: &mut Random) -> Self {
        let mut attributes = vec![];
        for kind in Type::ALL {
            match random.below(4) {
                0 => (),
                1 => {
                    let count = random.below(4);
                    let list = (0..count).map(|_| kind.value(random)).collect();
                    attributes.push((kind, Attribute::List(list)));
                }
                _ => attributes.push((kind, Attribute::One(kind.value(random)))),
            }
        }
        Self {
            name: (*random.pick(&["East", "West", "O'Neil", "user"])).to_owned(),
            roles: ROLES.into_iter().filter(|_| random.chance(40)).collect(),
            privileges: PRIVILEGES
                .into_iter()
                .chain(Seal::ALL.map(Seal::privilege))
                .filter(|_| random.chance(50))
                .collect(),
            attributes,
            mode: random.chance(70).then(|| random.below(GROUPS.len())),
        }
    }

    /// A single attribute; a list is none.
    #[must_use]
    pub fn attribute(&self, kind: Type) -> Datum {
        self.attributes
            .iter()
            .find_map(|(known, attribute)| match attribute {
                Attribute::One(value) if *known == kind => Some(value.clone()),
                _ => None,
            })
    }

    /// An attribute as a list; a single value is a list of one.
    #[must_use]
    pub fn attribute_list(&self, kind: Type) -> Option<Vec<Datum>> {
        self.attributes
            .iter()
            .find_map(|(known, attribute)| match attribute {
                _ if *known != kind => None,
                Attribute::One(value) => Some(vec![Some(value.clone())]),
                Attribute::List(values) => Some(values.iter().cloned().map(Some).collect()),
            })
    }

    /// What the bridge stores.
    #[must_use]
    pub fn login(&self) -> crate::Subject {
        let as_json = |value: &Value| match value {
            Value::Int(number) => json!(number),
            Value::Bool(flag) => json!(flag),
            value => json!(value.text()),
        };
        let mut attributes = Map::new();
        for (kind, attribute) in &self.attributes {
            let value = match attribute {
                Attribute::One(value) => as_json(value),
                Attribute::List(values) => Json::Array(values.iter().map(as_json).collect()),
            };
            attributes.insert(kind.attribute().to_owned(), value);
        }
        if let Some(mode) = self.mode {
            attributes.insert("mode".to_owned(), json!(GROUPS[mode].to_lowercase()));
        }
        let mut login = crate::Subject::new(&self.name).attributes(json!({ "app": attributes }));
        for role in &self.roles {
            login = login.role(role);
        }
        for privilege in &self.privileges {
            login = login.privilege(privilege);
        }
        login
    }
}
