//! The predicates that were applied, in the words of the trail: policy, version, hash of the text.

use crate::context::{self, Standing};
use crate::policy;
use crate::sys::restriction::Command;
use crate::sys::{Oid, xact};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Tables and commands of which a text is kept.
const MAX_KEPT: usize = 256;

type Kept = HashMap<(Oid, &'static str), (Standing, Rc<str>)>;

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Definitions changed.
pub fn forget() {
    KEPT.with_borrow_mut(HashMap::clear);
}

/// What was applied to a command on a table; `None` where no policy is. What cannot be told is recorded as that.
pub fn applied(relation: Oid, command: Command) -> Option<Rc<str>> {
    if !policy::is_protected(relation) {
        return None;
    }
    let (standing, name) = (context::known_standing(), command.name());
    let known = KEPT.with_borrow(|kept| {
        kept.get(&(relation, name))
            .filter(|(of, _)| *of == standing)
            .map(|(_, text)| Rc::clone(text))
    });
    if known.is_some() {
        return known;
    }
    if !xact::can_attempt() {
        return Some(r#"[{"error": "parallel"}]"#.into());
    }
    let text: Rc<str> = match xact::attempt(|| policy::applied(relation, command)) {
        Ok(applied) => applied.to_string().into(),
        Err(failure) => serde_json::json!([{ "error": failure.code() }])
            .to_string()
            .into(),
    };
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert((relation, name), (standing, Rc::clone(&text)));
    });
    Some(text)
}
