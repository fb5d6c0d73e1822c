//! Who a session belongs to and what it carries. Immutable once read; shared by the attachments of one backend.

use crate::authz::{self, Author, Authority, Claims, delegation};
use crate::error::Result;
use crate::sys::clock::Timestamp;
use serde_json::Value;
use std::cell::Cell;
use std::rc::Rc;

thread_local! {
    static NEXT_SERIAL: Cell<u64> = const { Cell::new(1) };
}

/// The clocks of a session.
#[derive(Debug, Clone, Copy)]
pub struct Liveness {
    /// When it dies unless it is used; never later than `expires_at`.
    pub idle_expires_at: Timestamp,
    /// When it dies in any case.
    pub expires_at: Timestamp,
}

/// A subject and the attributes of its session.
#[derive(Clone)]
pub struct Identity {
    /// Tells identities apart within this backend.
    pub serial: u64,
    /// Public identifier; `None` for the anonymous subject.
    pub session_id: Option<pgrx::Uuid>,
    pub user_name: String,
    pub app: Option<String>,
    /// What is stored of the token that the session was attached by.
    pub token_hash: Option<Vec<u8>>,
    pub pillar: Option<String>,
    pub is_authenticated: bool,
    pub audit_identity: String,
    /// The audit identity of the session, while the transaction has put another in its place.
    pub own_audit_identity: Option<String>,
    pub acting_for: Option<String>,
    /// Who acts for the user, the nearest first.
    pub actors: Vec<String>,
    /// What the login brought along.
    pub claims: Claims,
    /// What the session may do, flattened.
    pub authority: Rc<Authority>,
    pub attributes: Value,
    pub language: Option<String>,
    pub territory: Option<String>,
    pub date_format: Option<String>,
    pub number_format: Option<String>,
    pub created_at: Option<Timestamp>,
}

/// A serial that no identity of this backend had before.
pub fn next_serial() -> u64 {
    let serial = NEXT_SERIAL.get();
    NEXT_SERIAL.set(serial + 1);
    serial
}

impl Identity {
    /// The subject of unauthenticated requests: one role, no privilege, no attribute.
    pub fn anonymous() -> Self {
        Self {
            serial: next_serial(),
            session_id: None,
            user_name: "anonymous".to_owned(),
            app: None,
            token_hash: None,
            pillar: None,
            is_authenticated: false,
            audit_identity: "anonymous".to_owned(),
            own_audit_identity: None,
            acting_for: None,
            actors: Vec::new(),
            claims: Claims::default(),
            authority: Rc::new(Authority::of_roles([authz::ANONYMOUS.to_owned()])),
            attributes: Value::Object(serde_json::Map::new()),
            language: None,
            territory: None,
            date_format: None,
            number_format: None,
            created_at: None,
        }
    }

    /// True when both carry the same, whatever their serials.
    pub fn is_same(&self, other: &Self) -> bool {
        self.session_id == other.session_id
            && self.user_name == other.user_name
            && self.app == other.app
            && self.pillar == other.pillar
            && self.is_authenticated == other.is_authenticated
            && self.audit_identity == other.audit_identity
            && self.acting_for == other.acting_for
            && self.actors == other.actors
            && self.claims == other.claims
            && self.authority.gives_same(&other.authority)
            && self.attributes == other.attributes
            && self.language == other.language
            && self.territory == other.territory
            && self.date_format == other.date_format
            && self.number_format == other.number_format
    }

    /// What the session may do now, read from the graph; an error when it may be used no more.
    pub fn flatten(&self) -> Result<Authority> {
        if self.is_authenticated {
            authz::flatten(&self.user_name, &self.claims)
        } else {
            Ok(authz::flatten_anonymous())
        }
    }

    /// With what it may do now; another serial when that is something else. The name of a submitter goes with the right to set it.
    pub fn with_authority(&self, authority: Authority) -> Self {
        let serial = if self.authority.gives_same(&authority) {
            self.serial
        } else {
            next_serial()
        };
        let may_name = authority.privileges.contains(delegation::SET_AUDIT_IDENTITY);
        let mut identity = Self {
            serial,
            authority: Rc::new(authority),
            ..self.clone()
        };
        if let Some(own) = identity.own_audit_identity.take_if(|_| !may_name) {
            identity.audit_identity = own;
        }
        identity
    }

    /// With the name of somebody else for audit columns.
    pub fn with_audit_identity(&self, name: &str) -> Self {
        let own = self.own_audit_identity.as_ref().unwrap_or(&self.audit_identity);
        Self {
            serial: next_serial(),
            own_audit_identity: Some(own.clone()),
            audit_identity: name.to_owned(),
            ..self.clone()
        }
    }

    /// Everybody who stands behind what the session does.
    pub fn persons(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.user_name.as_str())
            .chain(self.actors.iter().map(String::as_str))
            .chain(self.acting_for.as_deref())
    }

    /// Who changes something as this session.
    pub fn author(&self) -> Author {
        Author {
            audit_identity: self.audit_identity.clone(),
            user_name: self.user_name.clone(),
            actors: self.actors.clone(),
            login: self.login().to_owned(),
        }
    }

    /// Who is really logged in: the last of those who act for the user, or the user.
    pub fn login(&self) -> &str {
        self.actors.last().unwrap_or(&self.user_name)
    }

    /// A single-valued attribute as text.
    pub fn attribute(&self, namespace: &str, name: &str) -> Option<String> {
        as_text(self.value(namespace, name)?)
    }

    /// An attribute as a list; a single value is a list of one.
    pub fn attribute_list(&self, namespace: &str, name: &str) -> Option<Vec<String>> {
        match self.value(namespace, name)? {
            Value::Array(values) => Some(values.iter().filter_map(as_text).collect()),
            value => Some(vec![as_text(value)?]),
        }
    }

    fn value(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.attributes.get(namespace)?.get(name)
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn identity(attributes: Value) -> Identity {
        Identity {
            attributes,
            ..Identity::anonymous()
        }
    }

    #[test]
    fn attribute_reads_scalars_as_text() {
        let identity = identity(json!({"app": {"region": "West", "level": 3, "on": true}}));
        assert_eq!(identity.attribute("app", "region").as_deref(), Some("West"));
        assert_eq!(identity.attribute("app", "level").as_deref(), Some("3"));
        assert_eq!(identity.attribute("app", "on").as_deref(), Some("true"));
    }

    #[test]
    fn attribute_of_a_list_or_of_another_namespace_is_absent() {
        let identity = identity(json!({"app": {"regions": ["West"]}}));
        assert_eq!(identity.attribute("app", "regions"), None);
        assert_eq!(identity.attribute("other", "regions"), None);
    }

    #[test]
    fn attribute_list_makes_a_list_of_one_value() {
        let identity =
            identity(json!({"app": {"regions": ["West", "East"], "region": "South", "nothing": null}}));
        assert_eq!(
            identity.attribute_list("app", "regions"),
            Some(vec!["West".to_owned(), "East".to_owned()])
        );
        assert_eq!(
            identity.attribute_list("app", "region"),
            Some(vec!["South".to_owned()])
        );
        assert_eq!(identity.attribute_list("app", "nothing"), None);
    }
}
