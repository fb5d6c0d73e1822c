//! What a section of a document is, and what its definitions do.

pub use vpd_text::store::section::{Layout, Section as Shape};

use crate::authz::{Kind, Reference};
use crate::error::Result;
use crate::sys::spi::{Statement, arg, statements};
use crate::sys::xact;
use serde_json::Value;
use std::collections::BTreeSet;
use std::thread::LocalKey;
use vpd_text::store::document::{Placed, Wanted};
use vpd_text::store::field::{Field, Form};
use vpd_text::store::item::Item;

statements! {
    PLAIN_RELATION = "store/plain_relation.sql";
    PLAIN_ROUTINE = "store/plain_routine.sql";
    PLAIN_FUNCTION = "store/plain_function.sql";
}

/// Why a grant or delegation of a document is skipped that is over.
pub const HAS_RUN_OUT: &str = "it has run out";

/// A section of nothing, for others to begin with.
pub const PLAIN: Section = Section {
    name: "",
    kind: "",
    scope: Scope::Always,
    key: &["name"],
    fields: &[],
    settle: as_given,
    gather: |_| (),
    read: Vec::new,
    is_innate: |_| false,
    define: |_, _| Ok(()),
    exchange: None,
    remove: None,
    parent: None,
    is_removed_first: false,
    is_of_graph: true,
    layout: Layout::Plain,
};

/// Which documents have a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    Always,
    /// Those that carry users.
    Users,
    /// Those that carry nodes.
    Nodes,
}

/// What an export contains.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub with_users: bool,
    pub with_nodes: bool,
}

/// Writes former definitions anew, as they are to be, all together.
pub type Exchange = fn(&[(Item, Placed)]) -> Result<()>;

/// A section.
pub struct Section {
    /// Its name in the document.
    pub name: &'static str,
    /// What one of its definitions is called.
    pub kind: &'static str,
    pub scope: Scope,
    /// The fields that tell one definition from another.
    pub key: &'static [&'static str],
    pub fields: &'static [Field],
    /// Leaves out what holds anyway where the fields alone do not tell, and says why a definition is passed over.
    pub settle: fn(&mut Item, &Moment) -> Option<&'static str>,
    /// Brings definitions of the document together that say something of one thing.
    pub gather: fn(&mut Wanted<Section>),
    /// Reads what the database has.
    pub read: fn() -> Vec<Value>,
    /// Whether every database has this of itself: it is neither exported nor removed.
    pub is_innate: fn(&Item) -> bool,
    /// Adds a definition, or changes the former one.
    pub define: fn(former: Option<&Item>, item: &Item) -> Result<()>,
    /// Changes together what would be refused one by one, because each is in the way of the next.
    pub exchange: Option<Exchange>,
    /// Removes a definition; `None` where nothing does.
    pub remove: Option<fn(&Item) -> Result<()>>,
    /// Which definition of the same section must be there first.
    pub parent: Option<Parent>,
    /// Removed before anything is added, so that what must not be had together can be exchanged.
    pub is_removed_first: bool,
    /// Whether it changes under the lock of the graph.
    pub is_of_graph: bool,
    /// How definitions are gathered in the document.
    pub layout: Layout,
}

/// A definition of the same section that another names.
#[derive(Debug, Clone, Copy)]
pub struct Parent {
    /// The field that names it.
    pub field: &'static str,
    /// The field that holds its name.
    pub of: &'static str,
    /// Fields that both share.
    pub within: &'static [&'static str],
}

/// Now, and where.
pub struct Moment {
    /// `2027-01-31T00:00:00Z`.
    pub now: String,
    pub is_production: bool,
    /// The test users of the document that is read.
    pub test_users: BTreeSet<String>,
}

impl Moment {
    /// True when this is production and a reference names a test user of the document.
    pub fn is_kept_out(&self, reference: &str) -> bool {
        // As the reference is read when it is imported.
        self.is_production
            && Reference::parse(reference)
                .is_ok_and(|read| read.kind == Kind::User && self.test_users.contains(&read.name))
    }
}

/// A name in its one spelling: two that are the same for SQL are one definition. What names nothing is told when it is defined.
fn plain(spelling: &'static LocalKey<Statement>, name: &str) -> Option<String> {
    let plain = xact::attempt(|| {
        Ok(spelling
            .with(|statement| statement.query_one(&[arg(name)], |row| row.get::<String>(1)))
            .flatten())
    });
    plain.ok().flatten()
}

/// A function with the types of its arguments in its one spelling, if there is such a function now.
pub fn plain_routine(name: &str) -> Option<String> {
    plain(&PLAIN_ROUTINE, name)
}

/// Nothing to settle.
pub fn as_given(_item: &mut Item, _moment: &Moment) -> Option<&'static str> {
    None
}

impl Extent {
    /// Whether documents of this extent have the section.
    pub fn includes(self, section: &Section) -> bool {
        match section.scope {
            Scope::Always => true,
            Scope::Users => self.with_users,
            Scope::Nodes => self.with_nodes,
        }
    }
}

impl Shape for Section {
    type Moment = Moment;

    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn key(&self) -> &'static [&'static str] {
        self.key
    }

    fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn spell(&self, item: &mut Item) {
        for field in self.fields {
            let spelling = match field.form {
                Form::Relation => &PLAIN_RELATION,
                Form::Routine => &PLAIN_ROUTINE,
                Form::Function => &PLAIN_FUNCTION,
                _ => continue,
            };
            if let Some(plain) = item
                .optional_text(field.name)
                .and_then(|name| plain(spelling, name))
            {
                item.0.insert(field.name.to_owned(), plain.into());
            }
        }
    }

    fn is_innate(&self, item: &Item) -> bool {
        (self.is_innate)(item)
    }

    fn settle(&self, item: &mut Item, moment: &Moment) -> Option<&'static str> {
        (self.settle)(item, moment)
    }
}
