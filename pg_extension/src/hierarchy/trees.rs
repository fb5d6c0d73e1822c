//! The trees that this backend has, one a hierarchy, each with the version it is of.
//!
//! Invariant: a tree is handed out only for the version that it was read for, and one that holds what a transaction did only within that transaction.

use super::facts::{self, Facts, Hierarchy};
use super::kept_tree::KeptTree;
use crate::authz::change;
use crate::sys::published;
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static TREES: RefCell<Vec<Option<Read>>> = const { RefCell::new(Vec::new()) };
}

/// The nodes of a hierarchy, and the version they are of.
struct Read {
    facts: Facts,
    tree: Rc<KeptTree>,
    /// Whether it holds what this transaction did and nobody else can see: it is gone with the transaction.
    is_passing: bool,
}

impl Read {
    fn is_good_for(&self, facts: &Facts) -> bool {
        self.facts.version == facts.version && (!self.is_passing || change::has_changed())
    }
}

/// The tree of a version, if it is here.
pub fn known(hierarchy: Hierarchy, facts: &Facts) -> Option<Rc<KeptTree>> {
    TREES.with_borrow(|trees| match trees.get(hierarchy.number()) {
        Some(Some(read)) if read.is_good_for(facts) => Some(Rc::clone(&read.tree)),
        _ => None,
    })
}

/// Keeps the tree of a version, committed or of this transaction, in place of another.
pub fn keep(hierarchy: Hierarchy, facts: Facts, tree: KeptTree, is_passing: bool) -> Rc<KeptTree> {
    let tree = Rc::new(tree);
    TREES.with_borrow_mut(|trees| {
        *place(trees, hierarchy) = Some(Read {
            facts,
            tree: Rc::clone(&tree),
            is_passing,
        });
    });
    tree
}

/// True when it is the tree of the hierarchy that is kept.
pub fn is_kept(hierarchy: Hierarchy, tree: &Rc<KeptTree>) -> bool {
    TREES.with_borrow(|trees| match trees.get(hierarchy.number()) {
        Some(Some(read)) => Rc::ptr_eq(&read.tree, tree),
        _ => false,
    })
}

/// Lets go of the trees of versions that are no more; true when there was one.
pub fn let_go() -> bool {
    let is_outdated = |read: &Read, number: usize| {
        let name = Hierarchy::of_number(number).name();
        let facts = facts::of(&name);
        if facts.is_err() {
            published::withdraw(&name);
        }
        facts.map_or(true, |facts| !read.is_good_for(&facts))
    };
    let mut has_changed = false;
    TREES.with_borrow_mut(|trees| {
        for (number, place) in trees.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|read| is_outdated(read, number)) {
                *place = None;
                has_changed = true;
            }
        }
    });
    has_changed
}

/// The place of a hierarchy in a list.
pub fn place<T>(list: &mut Vec<Option<T>>, hierarchy: Hierarchy) -> &mut Option<T> {
    let number = hierarchy.number();
    if list.len() <= number {
        list.resize_with(number + 1, || None);
    }
    &mut list[number]
}
