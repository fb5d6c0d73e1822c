//! What the attached session sees of a hierarchy: computed once for a set of data groups and a version, kept in this backend.
//!
//! Within a statement nothing changes. What is kept is numbers of nodes, and means nothing without the tree that gave the numbers.

use super::facts::{self, Facts, Hierarchy};
use super::kept_tree::KeptTree;
use crate::authz::change;
use crate::context::{self, Identity, Standing};
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::marker::Marker;
use crate::sys::share::Share;
use crate::sys::spi::{self, arg, statements};
use crate::sys::{published, shmem, xact};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use vpd_text::hierarchy::node_set::NodeSet;
use vpd_text::hierarchy::tree::Tree;

/// Views kept beside the one in use: those of other sessions of a pooled connection.
const KEPT_VIEWS: usize = 128;

/// Bytes that they may take together.
const KEPT_BYTES: usize = 2 * 1024 * 1024;

/// A version that is replaced while its nodes are read is looked up again so often.
const ATTEMPTS: usize = 3;

statements! {
    GRANTED = "hierarchy/granted_nodes.sql";
    IS_EXEMPT = "hierarchy/is_exempt.sql";
}

thread_local! {
    /// Rises with every statement.
    static STATEMENT: Cell<u64> = const { Cell::new(1) };
    static TREES: RefCell<Vec<Option<Read>>> = const { RefCell::new(Vec::new()) };
    static VIEWS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
    /// The hierarchies that plans of this backend might ask an index for, and whether they were made for a session that sees few nodes.
    static PLANNED: RefCell<Vec<(Hierarchy, bool)>> = const { RefCell::new(Vec::new()) };
    static CURRENT: RefCell<Vec<Option<Current>>> = const { RefCell::new(Vec::new()) };
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

/// What is visible.
#[derive(Debug)]
enum View {
    Nothing,
    Everything,
    Nodes(NodeSet),
}

impl View {
    fn bytes(&self) -> usize {
        match self {
            Self::Nothing | Self::Everything => 0,
            Self::Nodes(nodes) => nodes.bytes(),
        }
    }
}

/// A view and what it was computed from.
struct Kept {
    hierarchy: Hierarchy,
    facts: Facts,
    tree: Rc<KeptTree>,
    /// The application, where an exemption of it would count.
    app: Option<String>,
    is_authenticated: bool,
    data_groups: Vec<Rc<[i32]>>,
    valid_until: Timestamp,
    view: Rc<View>,
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
                .is_some_and(|node| nodes.contains(node)),
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
    let is_exempt = IS_EXEMPT
        .with(|statement| statement.query_one(&[arg(hierarchy.name()), arg(app.clone())], |_| ()))
        .is_some();
    Ok(Some(match app {
        Some(app) if is_exempt => format!("the application {app} is exempt"),
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
                View::Nodes(nodes) => (nodes.count(), all),
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
            View::Nodes(nodes) => nodes.nodes().filter_map(key).collect(),
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

/// The place of a hierarchy in a list.
fn place<T>(list: &mut Vec<Option<T>>, hierarchy: Hierarchy) -> &mut Option<T> {
    let number = hierarchy.number();
    if list.len() <= number {
        list.resize_with(number + 1, || None);
    }
    &mut list[number]
}

fn compute(hierarchy: Hierarchy, statement: u64) -> Result<Current> {
    let name = hierarchy.name();
    let (facts, tree) = nodes(hierarchy, &name)?;
    // What the look has found may have made another one.
    let standing = context::known_standing();
    let (view, valid_until) = match context::identity() {
        None => (Rc::new(View::Nothing), Timestamp(i64::MAX)),
        Some(identity) => view(hierarchy, &name, facts, &tree, &identity),
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
    if !has_changed {
        return;
    }
    TREES.with_borrow(|trees| {
        let is_kept = |hierarchy: Hierarchy, tree: &Rc<KeptTree>| match trees.get(hierarchy.number()) {
            Some(Some(read)) => Rc::ptr_eq(&read.tree, tree),
            _ => false,
        };
        VIEWS.with_borrow_mut(|views| views.retain(|kept| is_kept(kept.hierarchy, &kept.tree)));
        CURRENT.with_borrow_mut(|all| {
            for (number, place) in all.iter_mut().enumerate() {
                let is_used = |current: &Current| {
                    current.statement == STATEMENT.get()
                        || is_kept(Hierarchy::of_number(number), &current.tree)
                };
                if !place.as_ref().is_some_and(is_used) {
                    *place = None;
                }
            }
        });
    });
}

/// The nodes as they are now, and the version they are of.
fn nodes(hierarchy: Hierarchy, name: &str) -> Result<(Facts, Rc<KeptTree>)> {
    for _ in 0..ATTEMPTS {
        facts::look();
        let_go();
        let facts = facts::of(name)?;
        let known = TREES.with_borrow(|trees| match trees.get(hierarchy.number()) {
            Some(Some(read)) if read.is_good_for(&facts) => Some(Rc::clone(&read.tree)),
            _ => None,
        });
        if let Some(tree) = known {
            return Ok((facts, tree));
        }
        if let Some(tree) = KeptTree::committed(name, facts.version)? {
            return Ok((facts, keep(hierarchy, facts, tree, false)));
        }
        if change::has_changed() {
            break;
        }
        facts::look_anew();
    }
    let facts = facts::of(name)?;
    let tree = KeptTree::seen(name)?;
    Ok((facts, keep(hierarchy, facts, tree, true)))
}

fn keep(hierarchy: Hierarchy, facts: Facts, tree: KeptTree, is_passing: bool) -> Rc<KeptTree> {
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

fn view(
    hierarchy: Hierarchy,
    name: &str,
    facts: Facts,
    tree: &Rc<KeptTree>,
    identity: &Identity,
) -> (Rc<View>, Timestamp) {
    let data_groups = identity.authority.data_groups.clone();
    // Who acts for somebody chooses the application, and can hand his session over to another: no exemption counts then.
    let app = identity.app.as_deref().filter(|_| identity.actors.is_empty());
    let now = clock::now();
    let known = VIEWS.with_borrow_mut(|views| {
        let place = views.iter().position(|kept| {
            kept.hierarchy == hierarchy
                && kept.facts == facts
                && Rc::ptr_eq(&kept.tree, tree)
                && kept.app.as_deref() == app
                && kept.is_authenticated == identity.is_authenticated
                && kept.data_groups == data_groups
                && now < kept.valid_until
        })?;
        // The ones used last stand at the end.
        let kept = views.remove(place);
        let known = (Rc::clone(&kept.view), kept.valid_until);
        views.push(kept);
        Some(known)
    });
    known.unwrap_or_else(|| {
        let (view, valid_until) = of_groups(
            name,
            facts,
            tree.tree(),
            identity.is_authenticated,
            app,
            &data_groups,
            now,
        );
        let view = Rc::new(view);
        VIEWS.with_borrow_mut(|views| {
            views.retain(|kept| {
                kept.hierarchy != hierarchy || (kept.facts == facts && Rc::ptr_eq(&kept.tree, tree))
            });
            let mut bytes: usize = views.iter().map(|kept| kept.view.bytes()).sum();
            while !views.is_empty() && (views.len() >= KEPT_VIEWS || bytes + view.bytes() > KEPT_BYTES) {
                bytes -= views.remove(0).view.bytes();
            }
            views.push(Kept {
                hierarchy,
                facts,
                tree: Rc::clone(tree),
                app: app.map(str::to_owned),
                is_authenticated: identity.is_authenticated,
                data_groups,
                valid_until,
                view: Rc::clone(&view),
            });
        });
        (view, valid_until)
    })
}

/// The union of the nodes of each set of data groups; what is seen must lie in every set's.
fn of_groups(
    name: &str,
    facts: Facts,
    tree: Tree<'_>,
    is_authenticated: bool,
    app: Option<&str>,
    data_groups: &[Rc<[i32]>],
    now: Timestamp,
) -> (View, Timestamp) {
    let mut valid_until = Timestamp(i64::MAX);
    if facts.has_exemption
        && let Some(app) = app
        && IS_EXEMPT
            .with(|statement| statement.query_one(&[arg(name), arg(app)], |_| ()))
            .is_some()
    {
        return (View::Everything, valid_until);
    }
    let groups: Vec<i32> = data_groups.iter().flat_map(|set| set.iter().copied()).collect();
    let mut granted: Vec<(i32, String)> = Vec::new();
    for row in GRANTED.with(|statement| {
        statement.query(&[arg(name), arg(groups)], |row| {
            Some((
                row.get::<i32>(1)?,
                row.get::<String>(2)?,
                row.timestamp(3)?,
                row.timestamp(4)?,
            ))
        })
    }) {
        let Some((group, node, from, until)) = row else {
            continue;
        };
        valid_until = valid_until.min(if now < from { from } else { until });
        if from <= now {
            granted.push((group, node));
        }
    }
    let none: [Rc<[i32]>; 1] = [Rc::from([])];
    let sets = if data_groups.is_empty() {
        &none
    } else {
        data_groups
    };
    let mut seen: Option<NodeSet> = None;
    for set in sets {
        let of_set: Vec<&str> = granted
            .iter()
            .filter(|(group, _)| set.contains(group))
            .map(|(_, node)| node.as_str())
            .collect();
        if of_set.is_empty() {
            if facts.is_open && is_authenticated {
                continue;
            }
            return (View::Nothing, valid_until);
        }
        let mut nodes = NodeSet::empty(tree.count());
        for node in of_set.iter().filter_map(|key| tree.find(key.as_bytes())) {
            nodes.insert(node, tree.last_below(node));
        }
        match &mut seen {
            None => seen = Some(nodes),
            Some(seen) => seen.intersect(&nodes),
        }
    }
    (seen.map_or(View::Everything, View::Nodes), valid_until)
}
