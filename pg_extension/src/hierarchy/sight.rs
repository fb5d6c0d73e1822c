//! What the attached session sees of hierarchies in the current statement.
//!
//! Within a statement nothing changes. What was found is good for the next one when nothing can have changed since.

use super::facts::{self, Facts, Hierarchy};
use super::kept_tree::KeptTree;
use super::trees::{self, place};
use super::view::{self, View};
use crate::authz::change;
use crate::context::{self, Standing};
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::marker::Marker;
use crate::sys::share::Share;
use crate::sys::spi;
use crate::sys::{shmem, xact};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A version that is replaced while its nodes are read is looked up again so often.
const ATTEMPTS: usize = 3;

thread_local! {
    /// Rises with every statement.
    static STATEMENT: Cell<u64> = const { Cell::new(1) };
    /// The hierarchies that plans of this backend might ask an index for, and whether they were made for a session that sees few nodes.
    static PLANNED: RefCell<Vec<(Hierarchy, bool)>> = const { RefCell::new(Vec::new()) };
    static CURRENT: RefCell<Vec<Option<Current>>> = const { RefCell::new(Vec::new()) };
}

/// What the attached session sees in the current statement.
struct Current {
    standing: Standing,
    statement: u64,
    /// The counter of changes it was computed at; 0 when it is good for one statement only.
    changes: u64,
    valid_until: Timestamp,
    tree: Rc<KeptTree>,
    view: Rc<View>,
}

/// A statement starts: changes made meanwhile hold from now on.
pub fn statement_started() {
    STATEMENT.set(STATEMENT.get().wrapping_add(1));
}

/// A plan is made that asks an index for keys, or not, because the session sees few nodes or many.
pub fn note_plan(hierarchy: Hierarchy, is_few: bool) {
    PLANNED.with_borrow_mut(|planned| {
        if !planned.contains(&(hierarchy, is_few)) {
            planned.push((hierarchy, is_few));
        }
    });
}

/// Another session is attached, or the attached one changed. Plans for few nodes are right for many, and slow, and the reverse: where one was
/// made for the other sort, they are made again. Nothing can be looked up while a transaction is rolled back.
pub fn session_changed() {
    let planned = PLANNED.with_borrow(Clone::clone);
    if planned.is_empty() || !xact::is_in_progress() {
        return;
    }
    let suits = |(hierarchy, is_few): &(Hierarchy, bool)| {
        share(*hierarchy).is_ok_and(|share| share.is_few() == *is_few)
    };
    if !planned.iter().all(suits) {
        PLANNED.with_borrow_mut(Vec::clear);
        Marker::Hierarchy.invalidate();
    }
}

/// True when the attached session sees the node of a key. Without a session nothing is seen.
pub fn sees(hierarchy: Hierarchy, key: Option<&[u8]>) -> Result<bool> {
    let standing = context::known_standing();
    if standing.is_none() {
        return Ok(false);
    }
    let statement = STATEMENT.get();
    let known = CURRENT.with_borrow(|current| match current.get(hierarchy.number()) {
        Some(Some(current)) if current.standing == standing && current.statement == statement => {
            Some(current.sees(key))
        }
        _ => None,
    });
    match known {
        Some(is_seen) => Ok(is_seen),
        None => with_current(hierarchy, false, |current| current.sees(key)),
    }
}

impl Current {
    /// True when nothing can have changed since it was computed.
    fn is_unquestioned(&self) -> bool {
        self.changes == shmem::authority_generation()
            && !change::has_changed()
            && (self.valid_until.0 == i64::MAX || clock::now() < self.valid_until)
    }

    fn sees(&self, key: Option<&[u8]>) -> bool {
        match (&*self.view, key) {
            (View::Everything, _) => true,
            (View::Nothing, _) | (View::Nodes(_), None) => false,
            (View::Nodes(nodes), Some(key)) => self
                .tree
                .tree()
                .find(key)
                .is_some_and(|node| nodes.contains(node as usize)),
        }
    }
}

/// Why nothing is filtered for the attached session; `None` when rows are.
pub fn why_unfiltered(hierarchy: Hierarchy) -> Result<Option<String>> {
    if context::known_standing().is_none()
        || !with_current(hierarchy, true, |current| {
            matches!(*current.view, View::Everything)
        })?
    {
        return Ok(None);
    }
    let app = context::identity().and_then(|identity| identity.app.clone());
    Ok(Some(match app {
        Some(app) if view::is_exempt(&hierarchy.name(), &app) => format!("the application {app} is exempt"),
        _ => "the hierarchy is in open mode".to_owned(),
    }))
}

/// How much the attached session sees, as of now and not of the current statement: what a plan is made for.
pub fn share(hierarchy: Hierarchy) -> Result<Share> {
    let (visible, all) = if context::known_standing().is_none() {
        facts::look();
        (0, 0)
    } else {
        with_current(hierarchy, true, |current| {
            let all = current.tree.tree().count();
            match &*current.view {
                View::Nothing => (0, all),
                View::Everything => (all, all),
                View::Nodes(nodes) => (nodes.count_ones(..), all),
            }
        })?
    };
    let facts = facts::of(&hierarchy.name())?;
    Ok(Share {
        visible,
        all,
        may_be_open: facts.is_open || facts.has_exemption,
    })
}

/// The keys that the attached session sees; every key when nothing is filtered.
pub fn visible_keys(hierarchy: Hierarchy) -> Result<Vec<Vec<u8>>> {
    if context::known_standing().is_none() {
        return Ok(Vec::new());
    }
    with_current(hierarchy, false, |current| {
        let tree = current.tree.tree();
        let key = |node| tree.key(node).map(<[u8]>::to_vec);
        match &*current.view {
            View::Nothing => Vec::new(),
            View::Everything => (0..tree.count() as u32).filter_map(key).collect(),
            View::Nodes(nodes) => nodes.ones().filter_map(|node| key(node as u32)).collect(),
        }
    })
}

fn with_current<R>(hierarchy: Hierarchy, is_fresh: bool, work: impl FnOnce(&Current) -> R) -> Result<R> {
    let (standing, statement) = (context::known_standing(), STATEMENT.get());
    let is_known = CURRENT.with_borrow_mut(|current| match current.get_mut(hierarchy.number()) {
        Some(Some(current)) if current.standing == standing => {
            let is_known = (!is_fresh && current.statement == statement) || current.is_unquestioned();
            if is_known {
                current.statement = statement;
            }
            is_known
        }
        _ => false,
    });
    if !is_known {
        let current = spi::announced(|| compute(hierarchy, statement))?;
        CURRENT.with_borrow_mut(|all| {
            *place(all, hierarchy) = Some(current);
        });
    }
    CURRENT
        .with_borrow(|all| match all.get(hierarchy.number()) {
            Some(Some(current)) => Some(work(current)),
            _ => None,
        })
        .ok_or_else(|| Error::hierarchy_not_found(&hierarchy.name()))
}

fn compute(hierarchy: Hierarchy, statement: u64) -> Result<Current> {
    let name = hierarchy.name();
    let (facts, tree) = nodes(hierarchy, &name)?;
    // What the look has found may have made another one.
    let standing = context::known_standing();
    let (view, valid_until) = match context::identity() {
        None => (Rc::new(View::Nothing), Timestamp(i64::MAX)),
        Some(identity) => view::of(hierarchy, &name, facts, &tree, &identity),
    };
    context::answer_holds_until(valid_until);
    Ok(Current {
        standing,
        statement,
        changes: facts::seen(),
        valid_until,
        tree,
        view,
    })
}

/// Looks whether hierarchies are still what this backend has read.
pub fn follow_changes() {
    if facts::are_known() {
        facts::look();
        let_go();
    }
}

/// Lets go of the trees of versions that are no more, and of what was computed from them: somebody else's memory lasts as long. What the current
/// statement has seen stays.
fn let_go() {
    if !trees::let_go() {
        return;
    }
    view::let_go();
    CURRENT.with_borrow_mut(|all| {
        for (number, place) in all.iter_mut().enumerate() {
            let is_used = |current: &Current| {
                current.statement == STATEMENT.get()
                    || trees::is_kept(Hierarchy::of_number(number), &current.tree)
            };
            if !place.as_ref().is_some_and(is_used) {
                *place = None;
            }
        }
    });
}

/// The nodes as they are now, and the version they are of.
fn nodes(hierarchy: Hierarchy, name: &str) -> Result<(Facts, Rc<KeptTree>)> {
    for _ in 0..ATTEMPTS {
        facts::look();
        let_go();
        let facts = facts::of(name)?;
        if let Some(tree) = trees::known(hierarchy, &facts) {
            return Ok((facts, tree));
        }
        if let Some(tree) = KeptTree::committed(name, facts.version)? {
            return Ok((facts, trees::keep(hierarchy, facts, tree, false)));
        }
        if change::has_changed() {
            break;
        }
        facts::look_anew();
    }
    let facts = facts::of(name)?;
    let tree = KeptTree::seen(name)?;
    Ok((facts, trees::keep(hierarchy, facts, tree, true)))
}
