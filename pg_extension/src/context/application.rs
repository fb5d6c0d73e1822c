//! Reading and writing application contexts. A value is set only while the trusted function of its context is the innermost one that
//! runs, as the server's own calls tell, and only for the session that is attached.

use super::attached::{ATTACHED, Attached, adopt_values, identity, is_attached, save};
use super::declaration::{self, Declaration, canonical};
use super::liveness::require_live;
use super::standing::known_standing;
use super::value::Values;
use super::{Identity, global, keepers};
use crate::error::{Error, Result};
use crate::sys::hooks::function_call;
use std::rc::Rc;

const MAX_ATTRIBUTE_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 4000;
const MAX_USER_BYTES: usize = 256;
const MAX_CLIENT_BYTES: usize = 64;

/// A single-valued attribute as text, as it was when the statement started. A declared context is read and nothing else under its
/// namespace: what a session brought along under that name could be forged by whoever creates sessions.
pub fn read(namespace: &str, name: &str) -> Option<String> {
    let identity = identity()?;
    match declared(namespace) {
        Some((namespace, declaration)) => value(namespace, declaration, name),
        None => identity.attribute(namespace, name),
    }
}

/// What attributes rest on, unless it has to be looked at first which contexts are declared.
pub fn attributes_rest_on() -> Option<(u64, u64)> {
    declaration::is_known().then(|| known_standing().parts())
}

/// An attribute as a list; a single value is a list of one.
pub fn read_list(namespace: &str, name: &str) -> Option<Vec<String>> {
    let identity = identity()?;
    match declared(namespace) {
        Some((namespace, declaration)) => value(namespace, declaration, name).map(|value| vec![value]),
        None => identity.attribute_list(namespace, name),
    }
}

/// The client identifier: what a trusted function set, or the session's user.
pub fn client_identifier() -> Option<String> {
    ATTACHED.with_borrow(|attached| attached.as_ref().map(effective_client))
}

/// What a session sees when it is attached: what is shared.
pub fn initial(identity: &Identity) -> Values {
    let shared = if declaration::declarations().has_global() {
        global::visible(&identity.user_name, &identity.user_name)
    } else {
        Rc::default()
    };
    Values {
        shared,
        ..Values::default()
    }
}

/// What is set for contexts that are not shared: namespace, attribute, value.
pub fn list() -> Vec<(String, String, String)> {
    let declarations = declaration::declarations();
    values().map_or_else(Vec::new, |values| {
        let is_declared = |namespace: &str| {
            declarations
                .find(namespace)
                .is_some_and(|declaration| !declaration.is_global)
        };
        values
            .own
            .iter()
            .filter(|((namespace, _), _)| is_declared(namespace))
            .map(|((namespace, name), value)| (namespace.clone(), name.clone(), value.clone()))
            .collect()
    })
}

/// Sets an attribute; `None` removes it.
pub fn set(
    namespace: &str,
    attribute: &str,
    value: Option<&str>,
    username: Option<&str>,
    client_id: Option<&str>,
) -> Result<()> {
    let (namespace, declaration) = writable(namespace)?;
    let attribute = checked_attribute(attribute)?;
    check_length(value, MAX_VALUE_BYTES, "the value")?;
    check_length(username, MAX_USER_BYTES, "username")?;
    check_length(client_id, MAX_CLIENT_BYTES, "client_id")?;
    let value = value.filter(|value| !value.is_empty());
    if declaration.is_global {
        let (user, client) = (username.unwrap_or_default(), client_id.unwrap_or_default());
        match value {
            Some(value) => global::set(&namespace, user, client, &attribute, value),
            None => global::unset(&namespace, user, client, &attribute),
        }
        see_shared();
    } else if username.is_some() || client_id.is_some() {
        return Err(Error::argument(
            "username and client_id are for contexts accessed globally",
            "Leave them out, or declare the context with accessed_globally => true.",
        ));
    } else {
        change_values(|values| match value {
            Some(value) => drop(values.own.insert((namespace, attribute), value.to_owned())),
            None => drop(values.own.remove(&(namespace, attribute))),
        });
    }
    Ok(())
}

/// Removes one attribute of a context, or all; of a shared one those of a client identifier, or of none.
pub fn clear(namespace: &str, client_id: Option<&str>, attribute: Option<&str>) -> Result<()> {
    let (namespace, declaration) = writable(namespace)?;
    let attribute = attribute.map(checked_attribute).transpose()?;
    if declaration.is_global {
        global::clear(
            &namespace,
            Some(client_id.unwrap_or_default()),
            attribute.as_deref(),
        );
        see_shared();
    } else {
        change_values(|values| {
            values.own.retain(|(of, name), _| {
                *of != namespace || attribute.as_ref().is_some_and(|attribute| name != attribute)
            });
        });
    }
    Ok(())
}

/// Removes every value of a context, for all users and clients.
pub fn clear_all(namespace: &str) -> Result<()> {
    let (namespace, declaration) = writable(namespace)?;
    if declaration.is_global {
        global::clear(&namespace, None, None);
        see_shared();
    } else {
        change_values(|values| values.own.retain(|(of, _), _| *of != namespace));
    }
    Ok(())
}

/// Sets the client identifier, or gives the session's user back that role. Any trusted function may.
pub fn set_identifier(client: Option<&str>) -> Result<()> {
    let is_trusted =
        function_call::innermost().is_some_and(|function| declaration::declarations().trusts(function));
    if !is_trusted {
        return Err(Error::context_denied());
    }
    require_session()?;
    check_length(client, MAX_CLIENT_BYTES, "client_id")?;
    let client = client.filter(|client| !client.is_empty()).map(str::to_owned);
    change_values(|values| values.client_identifier = client);
    see_shared();
    Ok(())
}

/// Looks whether shared values changed since they were read, and tells. Costs a look at a counter unless they did.
pub fn refresh_shared() -> bool {
    let Some(attached) = ATTACHED.with_borrow(Clone::clone) else {
        return false;
    };
    let shared = if declaration::declarations().has_global() {
        global::visible(&attached.identity.user_name, &effective_client(&attached))
    } else if attached.values.shared.is_empty() {
        return false;
    } else {
        Rc::default()
    };
    let is_changed = shared != attached.values.shared;
    if is_changed {
        adopt_values(Values {
            shared,
            ..(*attached.values).clone()
        });
    }
    is_changed
}

/// What this session itself changed is seen at once.
fn see_shared() {
    if refresh_shared() {
        keepers::tell();
    }
}

fn effective_client(attached: &Attached) -> String {
    attached
        .values
        .client_identifier
        .clone()
        .unwrap_or_else(|| attached.identity.user_name.clone())
}

fn values() -> Option<Rc<Values>> {
    ATTACHED.with_borrow(|attached| attached.as_ref().map(|attached| Rc::clone(&attached.values)))
}

fn value(namespace: String, declaration: Declaration, name: &str) -> Option<String> {
    let values = values()?;
    let entries = if declaration.is_global {
        &*values.shared
    } else {
        &values.own
    };
    entries.get(&(namespace, canonical(name))).cloned()
}

/// The context that the namespace names, if one does.
fn declared(namespace: &str) -> Option<(String, Declaration)> {
    let declarations = declaration::declarations();
    if declarations.is_empty() {
        return None;
    }
    let namespace = canonical(namespace);
    let declaration = declarations.find(&namespace)?;
    Some((namespace, declaration))
}

/// The context, when its values may be changed here and now. An unknown one is refused like one that trusts another function.
fn writable(namespace: &str) -> Result<(String, Declaration)> {
    let found = declared(namespace).filter(|(_, declaration)| {
        declaration.function.is_some() && declaration.function == function_call::innermost()
    });
    let found = found.ok_or_else(Error::context_denied)?;
    require_session()?;
    Ok(found)
}

fn require_session() -> Result<()> {
    require_live()?;
    if !is_attached() {
        return Err(Error::session_invalid());
    }
    Ok(())
}

fn checked_attribute(attribute: &str) -> Result<String> {
    let is_good = !attribute.is_empty()
        && attribute.len() <= MAX_ATTRIBUTE_BYTES
        && !attribute.chars().any(char::is_control);
    if is_good {
        return Ok(canonical(attribute));
    }
    Err(Error::argument(
        "the attribute name is not usable",
        "Use 1 to 128 bytes without control characters.",
    ))
}

fn check_length(text: Option<&str>, limit: usize, what: &str) -> Result<()> {
    if text.is_none_or(|text| text.len() <= limit) {
        return Ok(());
    }
    Err(Error::argument(
        format!("{what} is longer than {limit} bytes"),
        "Keep what is long in a table and its key in the context.",
    ))
}

/// Changes what trusted functions have set, until the transaction ends or a savepoint brings back what was before.
fn change_values(change: impl FnOnce(&mut Values)) {
    let Some(former) = ATTACHED.with_borrow(Clone::clone) else {
        return;
    };
    let mut values = (*former.values).clone();
    change(&mut values);
    if values != *former.values {
        save(Some(former));
        adopt_values(values);
        keepers::tell();
    }
}
