//! What a session sees of a hierarchy, by its data groups: computed once for a set of them and a version, kept in this backend.
//!
//! What is kept is numbers of nodes, and means nothing without the tree that gave the numbers.

use super::facts::{Facts, Hierarchy};
use super::kept_tree::KeptTree;
use super::trees;
use crate::context::Identity;
use crate::recent::Recent;
use crate::sys::clock::{self, Timestamp};
use crate::sys::spi::{arg, statements};
use fixedbitset::FixedBitSet;
use std::cell::RefCell;
use std::rc::Rc;
use vpd_text::hierarchy::tree::Tree;

/// Views that are kept: those of other sessions of a pooled connection.
const KEPT_VIEWS: usize = 128;

/// Bytes that they may take together.
const KEPT_BYTES: usize = 2 * 1024 * 1024;

statements! {
    GRANTED = "hierarchy/granted_nodes.sql";
    IS_EXEMPT = "hierarchy/is_exempt.sql";
}

thread_local! {
    static VIEWS: RefCell<Recent<Kept>> = const { RefCell::new(Recent::of(KEPT_VIEWS)) };
}

/// What is visible.
#[derive(Debug)]
pub enum View {
    Nothing,
    Everything,
    /// One bit a node, so that a look costs the same for one granted node and for a hundred thousand.
    Nodes(FixedBitSet),
}

impl View {
    fn bytes(&self) -> usize {
        match self {
            Self::Nothing | Self::Everything => 0,
            Self::Nodes(nodes) => size_of_val(nodes.as_slice()),
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

/// What an identity sees, and until when.
pub fn of(
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
        let kept = views.find(|kept| {
            kept.hierarchy == hierarchy
                && kept.facts == facts
                && Rc::ptr_eq(&kept.tree, tree)
                && kept.app.as_deref() == app
                && kept.is_authenticated == identity.is_authenticated
                && kept.data_groups == data_groups
                && now < kept.valid_until
        })?;
        Some((Rc::clone(&kept.view), kept.valid_until))
    });
    if let Some(known) = known {
        return known;
    }
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
        views.forget(|kept| {
            kept.hierarchy == hierarchy && (kept.facts != facts || !Rc::ptr_eq(&kept.tree, tree))
        });
        views.keep(Kept {
            hierarchy,
            facts,
            tree: Rc::clone(tree),
            app: app.map(str::to_owned),
            is_authenticated: identity.is_authenticated,
            data_groups,
            valid_until,
            view: Rc::clone(&view),
        });
        views.make_room(|kept| kept.iter().map(|kept| kept.view.bytes()).sum::<usize>() > KEPT_BYTES);
    });
    (view, valid_until)
}

/// True when nothing is filtered in an application.
pub fn is_exempt(hierarchy: &str, app: &str) -> bool {
    IS_EXEMPT
        .with(|statement| statement.query_one(&[arg(hierarchy), arg(app)], |_| ()))
        .is_some()
}

/// Lets go of what was computed from trees that are not kept any more.
pub fn let_go() {
    VIEWS.with_borrow_mut(|views| views.forget(|kept| !trees::is_kept(kept.hierarchy, &kept.tree)));
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
        && is_exempt(name, app)
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
    let mut seen: Option<FixedBitSet> = None;
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
        let mut nodes = FixedBitSet::with_capacity(tree.count());
        for node in of_set.iter().filter_map(|key| tree.find(key.as_bytes())) {
            nodes.insert_range(node as usize..tree.last_below(node) as usize + 1);
        }
        match &mut seen {
            None => seen = Some(nodes),
            Some(seen) => seen.intersect_with(&nodes),
        }
    }
    (seen.map_or(View::Everything, View::Nodes), valid_until)
}
