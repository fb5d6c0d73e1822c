//! The tree of a hierarchy as this backend has it: the one that all connections share, or one of its own.
//!
//! A tree is shared when it was read from what is committed, nodes and version at one moment, so that whoever asks for that version would have read the
//! same. A transaction that changed nodes asks for a version that nobody else can know, and has a tree of its own. So has everybody when
//! sharing is refused: by the setting, or because there is no room.

use crate::error::{Error, Result};
use crate::guc;
use crate::sys::memory;
use crate::sys::published::{self, Published, Turn, Version, bytes_of};
use crate::sys::spi::{self, arg, statements};
use pgrx::Uuid;
use vpd_text::hierarchy::numbering::{Lists, Nodes, TooLarge};
use vpd_text::hierarchy::tree::Tree;

statements! {
    VERSION = "hierarchy/version.sql";
    NODES = scanning "hierarchy/nodes.sql";
    NAMES = scanning "hierarchy/names.sql";
}

/// After so many nodes it is asked whether there is memory for more.
const STRETCH: usize = 65_536;

/// A tree.
#[derive(Debug)]
pub enum KeptTree {
    Shared(Published),
    Own(Lists),
}

impl KeptTree {
    /// For looks.
    pub fn tree(&self) -> Tree<'_> {
        match self {
            Self::Own(lists) => lists.tree(),
            Self::Shared(block) => Tree {
                keys: block.part(0),
                starts: block.part_of(1),
                last: block.part_of(2),
                slots: block.part_of(3),
            },
        }
    }

    /// The tree of a version, as it is committed; `None` when the hierarchy has another version.
    pub fn committed(hierarchy: &str, version: Uuid) -> Result<Option<Self>> {
        let version: Version = *version.as_bytes();
        let limit = guc::max_shared_hierarchy();
        let may_share = || limit > 0 && !published::is_refused(&version);
        if !may_share() {
            return read_committed(hierarchy, &version).map(|lists| lists.map(Self::Own));
        }
        if let Some(block) = published::find(hierarchy, &version) {
            return Ok(Some(Self::Shared(block)));
        }
        // Locks both tables: while somebody has the turn he waits for nobody, and neither is emptied or written anew under the snapshot.
        if committed_version(hierarchy).is_none() {
            return Ok(None);
        }
        let turn = Turn::wait(hierarchy);
        if let Some(block) = published::find(hierarchy, &version) {
            return Ok(Some(Self::Shared(block)));
        }
        if !may_share() {
            drop(turn);
            return read_committed(hierarchy, &version).map(|lists| lists.map(Self::Own));
        }
        let Some(lists) = read_committed(hierarchy, &version)? else {
            return Ok(None);
        };
        let parts = [
            &lists.keys,
            bytes_of(&lists.starts),
            bytes_of(&lists.last),
            bytes_of(&lists.slots),
        ];
        let shared = published::publish(hierarchy, &version, parts, limit);
        drop(turn);
        let Some(block) = shared else {
            return Ok(Some(Self::Own(lists)));
        };
        drop(lists);
        memory::give_back();
        forget_dropped();
        Ok(Some(Self::Shared(block)))
    }

    /// The tree as the current transaction sees it.
    pub fn seen(hierarchy: &str) -> Result<Self> {
        read(hierarchy).map(Self::Own)
    }
}

/// Nodes and version at one moment; `None` when it is not this version.
fn read_committed(hierarchy: &str, version: &Version) -> Result<Option<Lists>> {
    spi::as_committed(|| {
        if committed_version(hierarchy).as_ref() != Some(version) {
            return Ok(None);
        }
        read(hierarchy).map(Some)
    })
}

fn committed_version(hierarchy: &str) -> Option<Version> {
    VERSION
        .with(|statement| statement.query_one(&[arg(hierarchy)], |row| *row.required::<Uuid>(1).as_bytes()))
}

fn read(hierarchy: &str) -> Result<Lists> {
    let mut nodes = Nodes::default();
    let mut gathered: std::result::Result<(), TooLarge> = Ok(());
    NODES.with(|statement| {
        statement.each(&[arg(hierarchy)], |row| {
            if nodes.count() % STRETCH == 0 {
                memory::ask_for_growth(0);
            }
            if gathered.is_ok() {
                gathered = nodes.push(&row.required::<String>(1), row.get::<String>(2).as_deref());
            }
        });
    });
    gathered.map_err(|_| Error::hierarchy_too_large(hierarchy))?;
    memory::ask(nodes.cost());
    Ok(nodes.numbered())
}

/// Removes what is shared of hierarchies that are no more.
fn forget_dropped() {
    let names = NAMES.with(|statement| statement.query(&[], |row| row.required::<String>(1)));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    published::keep(&names);
}
