//! What the attached session sees of a hierarchy: computed once for a set of data groups and a version, kept in this backend.
//!
//! Within a statement nothing changes. The first look of a statement compares a counter in shared memory with the one seen last, and reads
//! the versions again when it differs, when this transaction changed something itself, and always on a standby.

use super::node_set::NodeSet;
use super::tree::Tree;
use crate::authz::change;
use crate::context::{self, Identity, Standing};
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::marker::Marker;
use crate::sys::spi::{self, Statement, arg};
use crate::sys::{shmem, xact};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Views kept beside the one in use: those of other sessions of a pooled connection.
const KEPT_VIEWS: usize = 128;

/// More keys than these are not asked of an index: each costs a descent, and the planner looks at each.
const MAX_INDEX_KEYS: usize = 2_000;

thread_local! {
    static VERSIONS: Statement = const { Statement::scanning(include_str!("../../../sql/query/hierarchy/versions.sql")) };
    static NODES: Statement = const { Statement::scanning(include_str!("../../../sql/query/hierarchy/nodes.sql")) };
    static GRANTED: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/granted_nodes.sql")) };
    static IS_EXEMPT: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/is_exempt.sql")) };
    /// Names that were met, by their numbers in this backend; a name keeps its number.
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The hierarchies as they were when last looked at.
    static FACTS: RefCell<Option<HashMap<String, Facts>>> = const { RefCell::new(None) };
    /// The counter of changes when the facts were read; 0 when they must be read again.
    static SEEN: Cell<u64> = const { Cell::new(0) };
    /// Rises with every statement.
    static STATEMENT: Cell<u64> = const { Cell::new(1) };
    static TREES: RefCell<Vec<Option<Read>>> = const { RefCell::new(Vec::new()) };
    static VIEWS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
    /// The hierarchies that plans of this backend might ask an index for, and whether they were made for a session that sees few nodes.
    static PLANNED: RefCell<Vec<(Hierarchy, bool)>> = const { RefCell::new(Vec::new()) };
    static CURRENT: RefCell<Vec<Option<Current>>> = const { RefCell::new(Vec::new()) };
}

/// A hierarchy this backend has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hierarchy(usize);

impl Hierarchy {
    /// As a number that fits into a pointer beside other things.
    pub fn number(self) -> usize {
        self.0
    }

    /// The hierarchy of such a number.
    pub fn of_number(number: usize) -> Self {
        Self(number)
    }

    fn name(self) -> String {
        NAMES.with_borrow(|names| names.get(self.0).cloned().unwrap_or_default())
    }
}

/// What part of a hierarchy the attached session sees.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// How many nodes.
    pub visible: usize,
    /// Of how many.
    pub all: usize,
    /// Whether some session may see everything, unknown keys included, so that no plan may ask an index for keys.
    pub may_be_open: bool,
}

impl Share {
    /// Whether the nodes are so few that an index is asked for them.
    pub fn is_few(self) -> bool {
        self.visible <= MAX_INDEX_KEYS && self.visible * 3 <= self.all
    }
}

/// A hierarchy as it was when last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    is_open: bool,
    has_exemption: bool,
    version: i64,
    access_version: i64,
    /// Tells one from its successor after the extension was dropped and created again.
    created_at: Timestamp,
}

impl Facts {
    fn has_same_nodes(&self, other: &Self) -> bool {
        self.version == other.version && self.created_at == other.created_at
    }
}

/// The nodes of a hierarchy as they were read, and when.
type Read = (Facts, Rc<Tree>);

/// What is visible.
#[derive(Debug)]
enum View {
    Nothing,
    Everything,
    Nodes(NodeSet),
}

/// A view and what it was computed from.
struct Kept {
    hierarchy: Hierarchy,
    facts: Facts,
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
    tree: Rc<Tree>,
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

/// The hierarchy of a name, or 42704.
pub fn find(name: &str) -> Result<Hierarchy> {
    if let Some(known) = number(name)
        && is_known(name)
    {
        return Ok(known);
    }
    SEEN.set(0);
    look();
    if !is_known(name) {
        return Err(Error::hierarchy_not_found(name));
    }
    Ok(number(name).unwrap_or_else(|| {
        NAMES.with_borrow_mut(|names| {
            names.push(name.to_owned());
            Hierarchy(names.len() - 1)
        })
    }))
}

fn number(name: &str) -> Option<Hierarchy> {
    NAMES.with_borrow(|names| names.iter().position(|known| known == name).map(Hierarchy))
}

/// True when the attached session sees the node of a key. Without a session nothing is seen.
pub fn sees(hierarchy: Hierarchy, key: Option<&[u8]>) -> Result<bool> {
    let standing = context::known_standing();
    if standing.is_none() {
        return Ok(false);
    }
    let statement = STATEMENT.get();
    let known = CURRENT.with_borrow(|current| match current.get(hierarchy.0) {
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
            (View::Nodes(nodes), Some(key)) => self.tree.find(key).is_some_and(|node| nodes.contains(node)),
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
        look();
        (0, 0)
    } else {
        with_current(hierarchy, true, |current| {
            let all = current.tree.len();
            match &*current.view {
                View::Nothing => (0, all),
                View::Everything => (all, all),
                View::Nodes(nodes) => (nodes.count(), all),
            }
        })?
    };
    let facts = facts(&hierarchy.name())?;
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
        let tree = &current.tree;
        match &*current.view {
            View::Nothing => Vec::new(),
            View::Everything => (0..tree.len() as u32)
                .map(|node| tree.key(node).to_vec())
                .collect(),
            View::Nodes(nodes) => nodes.nodes().map(|node| tree.key(node).to_vec()).collect(),
        }
    })
}

fn with_current<R>(hierarchy: Hierarchy, is_fresh: bool, work: impl FnOnce(&Current) -> R) -> Result<R> {
    let (standing, statement) = (context::known_standing(), STATEMENT.get());
    let is_known = CURRENT.with_borrow_mut(|current| match current.get_mut(hierarchy.0) {
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
            if all.len() <= hierarchy.0 {
                all.resize_with(hierarchy.0 + 1, || None);
            }
            all[hierarchy.0] = Some(current);
        });
    }
    CURRENT
        .with_borrow(|all| match all.get(hierarchy.0) {
            Some(Some(current)) => Some(work(current)),
            _ => None,
        })
        .ok_or_else(|| Error::hierarchy_not_found(&hierarchy.name()))
}

fn compute(hierarchy: Hierarchy, statement: u64) -> Result<Current> {
    look();
    // What the look has found may have made another one.
    let standing = context::known_standing();
    let name = hierarchy.name();
    let facts = facts(&name)?;
    let tree = tree(hierarchy, &name, facts);
    let (view, valid_until) = match context::identity() {
        None => (Rc::new(View::Nothing), Timestamp(i64::MAX)),
        Some(identity) => view(hierarchy, &name, facts, &tree, &identity),
    };
    context::answer_holds_until(valid_until);
    Ok(Current {
        standing,
        statement,
        changes: SEEN.get(),
        valid_until,
        tree,
        view,
    })
}

fn facts(name: &str) -> Result<Facts> {
    FACTS
        .with_borrow(|facts| facts.as_ref()?.get(name).copied())
        .ok_or_else(|| Error::hierarchy_not_found(name))
}

fn is_known(name: &str) -> bool {
    facts(name).is_ok()
}

/// Looks whether hierarchies are still what this backend has read.
pub fn follow_changes() {
    if FACTS.with_borrow(Option::is_some) {
        look();
    }
}

/// Reads the versions again when something may have changed since they were read.
fn look() {
    let changes = shmem::authority_generation();
    let has_changed = change::has_changed();
    if SEEN.get() == changes && !has_changed {
        return;
    }
    let read = spi::announced(|| {
        VERSIONS.with(|statement| {
            statement.query(&[], |row| {
                (
                    row.required::<String>(1),
                    Facts {
                        is_open: row.required(2),
                        has_exemption: row.required(3),
                        version: row.required(4),
                        access_version: row.required(5),
                        created_at: row
                            .timestamp(6)
                            .unwrap_or_else(|| Error::catalogue_unreadable().raise()),
                    },
                )
            })
        })
    });
    let read: HashMap<_, _> = read.into_iter().collect();
    let known = FACTS.replace(Some(read.clone()));
    if known.is_some_and(|known| known != read) {
        context::definitions_changed();
    }
    // What was read of one's own changes may be taken back.
    SEEN.set(if has_changed { 0 } else { changes });
}

fn tree(hierarchy: Hierarchy, name: &str, facts: Facts) -> Rc<Tree> {
    let known = TREES.with_borrow(|trees| match trees.get(hierarchy.0) {
        Some(Some((of, tree))) if of.has_same_nodes(&facts) => Some(Rc::clone(tree)),
        _ => None,
    });
    known.unwrap_or_else(|| {
        let nodes = NODES.with(|statement| {
            statement.query(&[arg(name)], |row| {
                (row.required::<String>(1), row.get::<String>(2))
            })
        });
        let tree = Rc::new(Tree::new(&nodes));
        TREES.with_borrow_mut(|trees| {
            if trees.len() <= hierarchy.0 {
                trees.resize_with(hierarchy.0 + 1, || None);
            }
            trees[hierarchy.0] = Some((facts, Rc::clone(&tree)));
        });
        tree
    })
}

fn view(
    hierarchy: Hierarchy,
    name: &str,
    facts: Facts,
    tree: &Tree,
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
            tree,
            identity.is_authenticated,
            app,
            &data_groups,
            now,
        );
        let view = Rc::new(view);
        VIEWS.with_borrow_mut(|views| {
            views.retain(|kept| kept.hierarchy != hierarchy || kept.facts == facts);
            if views.len() >= KEPT_VIEWS {
                views.remove(0);
            }
            views.push(Kept {
                hierarchy,
                facts,
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
    tree: &Tree,
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
        let mut nodes = NodeSet::empty(tree.len());
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
