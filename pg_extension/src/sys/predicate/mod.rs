//! Predicates as expression trees: parsed against a relation, with the reads of the session context hoisted.
//!
//! What it is not: it decides neither which predicates apply nor what a failure means.
//! Invariant: a compiled tree lives in a memory context of its own and is only ever handed out as a copy.

use super::marker::{self, Marker};
use super::pinned::Pinned;
use super::relation::Opened;
use super::xact;
use crate::error::{Error, Result};
use crate::sys::list::nth;
use pgrx::{is_a, pg_sys};
use std::ffi::{CStr, CString};
use watch::Watch;

mod authorship;
mod capture;
mod cast;
mod folding;
mod label;
mod literal;
mod looked_up;
mod node;
mod row;
mod session_read;
mod value;
mod verdict;
mod watch;

pub(super) use looked_up::forget_looked_up;
pub use node::{
    always_false, always_true, audited, audited_function, checked, choice, context_mark, function, mark_plan,
    permitted, permitted_function, refusal, relevant, relevant_function, select_of, session_gate,
};
pub(super) use row::{Column, Ready};
pub use value::compile_value;
pub use verdict::Verdict;

// Exported by the server, declared here because the bindings leave it out.
unsafe extern "C-unwind" {
    fn transformWhereClause(
        state: *mut pg_sys::ParseState,
        clause: *mut pg_sys::Node,
        kind: pg_sys::ParseExprKind::Type,
        construct: *const std::ffi::c_char,
    ) -> *mut pg_sys::Node;
}

/// A predicate ready to be copied into a query.
pub struct Compiled {
    memory: pg_sys::MemoryContext,
    node: *mut pg_sys::Node,
    /// The same before its reads were hoisted.
    plain: *mut pg_sys::Node,
    /// Whether the tree contains sub-selects, hoisted reads included.
    pub has_sublinks: bool,
    /// Whether it is false or NULL for every row while no session is attached.
    pub denies_without_session: bool,
    /// Names of columns of the relation that a sub-select took for columns of its own.
    pub captured: Vec<String>,
    marker: Option<Marker>,
}

impl Compiled {
    /// Tells whoever gave the text of names that mean something else than they seem to.
    pub fn warn_of_captured(&self) {
        for name in &self.captured {
            Error::name_captured(name).warn();
        }
    }

    /// What was understood, with every name resolved: the text of the tree, over the relation it was compiled for.
    pub fn text(&self, relation: pg_sys::Oid) -> String {
        let _pinned = Pinned::meaning();
        // SAFETY: the tree is valid for as long as `self` lives and refers to the relation as its only range table entry; deparsing reads it
        // and the catalogue, and runs output functions of constants only. The text is palloc'd and NUL-terminated.
        unsafe {
            let name = pg_sys::get_rel_name(relation);
            if name.is_null() {
                return String::new();
            }
            let context = pg_sys::deparse_context_for(name, relation);
            let text = pg_sys::deparse_expression(self.plain, context, true, false);
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }

    /// Whether it has sub-selects that the text wrote.
    pub fn selects(&self) -> bool {
        // SAFETY: as in `text`.
        unsafe { pg_sys::checkExprHasSubLink(self.plain) }
    }

    /// What stands in it that could run code of somebody else than the server, or mean something else for whoever is asked.
    pub fn foreign_part(&self) -> Option<String> {
        // SAFETY: as in `text`.
        unsafe { authorship::foreign_part(self.plain) }
    }

    /// How many columns of the relation it names.
    pub fn column_count(&self) -> usize {
        self.columns().len()
    }

    /// The columns of the relation that it names, by their numbers.
    pub(super) fn columns(&self) -> Vec<Column> {
        // SAFETY: as in `text`.
        unsafe { row::columns(self.plain) }
    }

    /// Ready to be asked of values of those columns, in the current memory.
    pub(super) fn ready(&self, columns: &[Column]) -> Ready {
        // SAFETY: as in `text`; the tree is copied.
        unsafe { Ready::of(self.plain, columns) }
    }

    /// Whether its text may be another one for another session or statement.
    pub fn is_marked(&self) -> bool {
        self.marker.is_some()
    }

    /// Notes that what is being planned depends on the text of the predicate.
    pub fn note_use(&self) {
        if let Some(marker) = self.marker {
            marker::use_marked(marker);
        }
    }

    /// A copy of the tree in the current memory context.
    pub(super) fn copy(&self) -> *mut pg_sys::Node {
        self.note_use();
        // SAFETY: the tree is a valid expression for as long as `self` lives.
        unsafe { pg_sys::copyObjectImpl(self.node.cast()).cast() }
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: the context was made for this value alone and nobody holds a pointer into it.
        unsafe { pg_sys::MemoryContextDelete(self.memory) }
    }
}

/// Parses `text` as one boolean expression over the relation and hoists its reads of the session context into
/// sub-selects, which the executor evaluates once per execution. With a marker, plans made from it can be invalidated.
///
/// The relation must be locked by the caller. Names are resolved in pg_catalog alone.
pub fn compile(relation: pg_sys::Oid, text: &str, marker: Option<Marker>) -> Result<Compiled> {
    compile_as(relation, None, text, marker)
}

/// As `compile`, for a relation that the text calls by another name: that of the table it is a partition of.
pub fn compile_as(
    relation: pg_sys::Oid,
    alias: Option<&str>,
    text: &str,
    marker: Option<Marker>,
) -> Result<Compiled> {
    // SAFETY: the state, and every pointer the analysis makes, live in the memory context that `build_apart` made.
    build_apart(text, marker, Error::predicate_invalid, |text| unsafe {
        analyze(
            relation,
            alias,
            text,
            Error::predicate_invalid,
            |state, expression| {
                let expression = guarded!(transformWhereClause(
                    state,
                    expression,
                    pg_sys::ParseExprKind::EXPR_KIND_POLICY,
                    c"POLICY".as_ptr()
                ));
                Ok(expression)
            },
        )
    })
}

/// What a text says.
struct Analyzed {
    node: *mut pg_sys::Node,
    has_sublinks: bool,
    captured: Vec<String>,
}

const SYNTAX_ERROR: &str = "42601";

/// Says what is wrong with a text: whether it is the syntax, and the reason.
type Refuse = fn(bool, &str) -> Error;

/// Runs `analysis` in a memory context of its own and hoists the reads of what it returns.
fn build_apart(
    text: &str,
    marker: Option<Marker>,
    refuse: Refuse,
    analysis: impl FnOnce(&CStr) -> Result<Analyzed>,
) -> Result<Compiled> {
    let text = CString::new(text).map_err(|_| refuse(true, "it contains a NUL"))?;
    let build = || {
        let apart = Apart::enter();
        let analyzed = analysis(&text)?;
        // SAFETY: the tree comes from the server's own analysis.
        if let Some(function) = unsafe { cast::of_plain_role(analyzed.node) } {
            let reason = format!(
                "the cast function {function} belongs to a role that is no superuser; call a function by its name instead"
            );
            return Err(refuse(false, &reason));
        }
        // SAFETY: the trees come from the server's own analysis and lie in the predicate's own memory.
        let hoisted = unsafe {
            let hoisted = hoist(analyzed.node, analyzed.has_sublinks, marker)?;
            looked_up::note(analyzed.node);
            hoisted
        };
        Ok(Compiled {
            memory: apart.keep(),
            node: hoisted.node,
            plain: analyzed.node,
            captured: analyzed.captured,
            has_sublinks: hoisted.has_sublinks,
            denies_without_session: hoisted.denies_without_session,
            marker,
        })
    };
    xact::translated(build, |failure| {
        refuse(failure.state == SYNTAX_ERROR, &failure.message)
    })
}

/// A memory context of a predicate's own, current while this lives. It goes with this value, and with what fails, unless it is kept.
struct Apart {
    memory: pg_sys::MemoryContext,
    former: pg_sys::MemoryContext,
}

impl Apart {
    fn enter() -> Self {
        // SAFETY: a child of the current context; an error that unwinds leaves it to the abort, which deletes the parent.
        unsafe {
            let memory = pg_sys::AllocSetContextCreateInternal(
                pg_sys::CurrentMemoryContext,
                c"pg_vpd predicate".as_ptr(),
                pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
                pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
                pg_sys::ALLOCSET_SMALL_MAXSIZE as usize,
            );
            Self {
                memory,
                former: pg_sys::MemoryContextSwitchTo(memory),
            }
        }
    }

    /// It becomes a child of the cache's long-lived parent.
    fn keep(self) -> pg_sys::MemoryContext {
        let kept = std::mem::ManuallyDrop::new(self);
        // SAFETY: the context is this value's own.
        unsafe {
            pg_sys::MemoryContextSwitchTo(kept.former);
            pg_sys::MemoryContextSetParent(kept.memory, pg_sys::CacheMemoryContext);
        }
        kept.memory
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: nobody holds a pointer into it: what was made in it is not handed out.
            unsafe {
                pg_sys::MemoryContextSwitchTo(self.former);
                pg_sys::MemoryContextDelete(self.memory);
            }
        }
    }
}

struct Hoisted {
    node: *mut pg_sys::Node,
    has_sublinks: bool,
    denies_without_session: bool,
}

unsafe fn hoist(plain: *mut pg_sys::Node, had_sublinks: bool, marker: Option<Marker>) -> Result<Hoisted> {
    // SAFETY: the tree comes from the server's own analysis.
    unsafe {
        let readers = session_read::Readers::look_up()?;
        let denies_without_session = session_read::never_true_without_session(plain, &readers);
        let (mut node, did_hoist) = session_read::hoist(plain, &readers);
        if let Some(marker) = marker {
            node = node::and_marker(node, marker)?;
        }
        Ok(Hoisted {
            node,
            has_sublinks: had_sublinks || did_hoist,
            denies_without_session,
        })
    }
}

/// Parses and analyzes `text` as one expression over the relation; `transform` gives it its type.
///
/// # Safety
/// The relation is locked.
unsafe fn analyze(
    relation: pg_sys::Oid,
    alias: Option<&str>,
    text: &CStr,
    refuse: Refuse,
    transform: impl FnOnce(*mut pg_sys::ParseState, *mut pg_sys::Node) -> Result<*mut pg_sys::Node>,
) -> Result<Analyzed> {
    let _pinned = Pinned::meaning();
    let alias = alias.and_then(|alias| CString::new(alias).ok());
    // SAFETY: the relation is locked; every pointer below comes from the server's own parser.
    unsafe {
        let expression = parse_one_expression(text, refuse)?;
        let state = pg_sys::make_parsestate(std::ptr::null_mut());
        (*state).p_sourcetext = text.as_ptr();
        let opened = Opened::table(relation, pg_sys::AccessShareLock);
        let alias = alias.map_or(std::ptr::null_mut(), |alias| {
            pg_sys::makeAlias(alias.as_ptr(), std::ptr::null_mut())
        });
        let item = pg_sys::addRangeTableEntryForRelation(
            state,
            opened.relation(),
            pg_sys::AccessShareLock as i32,
            alias,
            false,
            false,
        );
        pg_sys::addNSItemToQuery(state, item, false, true, true);
        let mut watch = Watch::of(relation);
        watch.begin(state);
        watch.literals.take(expression);
        let node = transform(state, expression)?;
        let node = watch.literals.settle(node).map_err(|kind| {
            let reason = format!(
                "a literal of type {kind} would run the checks of a domain when it is read; write ROW(…) or ARRAY[…]"
            );
            refuse(false, &reason)
        })?;
        pg_sys::assign_expr_collations(state, node);
        let has_sublinks = (*state).p_hasSubLinks;
        pg_sys::free_parsestate(state);
        Ok(Analyzed {
            node,
            has_sublinks,
            captured: watch.names.captured(),
        })
    }
}

/// One expression and nothing else: no second statement, no FROM, no clause, no alias.
unsafe fn parse_one_expression(text: &CStr, refuse: Refuse) -> Result<*mut pg_sys::Node> {
    let refused = || refuse(true, "it is not one expression");
    // SAFETY: the parser returns a list of RawStmt nodes; each field is read as the type its tag says.
    unsafe {
        let list = pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_PLPGSQL_EXPR);
        if list.is_null() || (*list).length != 1 {
            return Err(refused());
        }
        let statement = (*nth(list, 0).cast::<pg_sys::RawStmt>()).stmt;
        if !is_a(statement, pg_sys::NodeTag::T_SelectStmt) {
            return Err(refused());
        }
        let select = &*statement.cast::<pg_sys::SelectStmt>();
        let is_plain = select.op == pg_sys::SetOperation::SETOP_NONE
            && select.intoClause.is_null()
            && select.whereClause.is_null()
            && select.havingClause.is_null()
            && select.limitOffset.is_null()
            && select.limitCount.is_null()
            && select.withClause.is_null()
            && [
                select.distinctClause,
                select.fromClause,
                select.groupClause,
                select.windowClause,
                select.valuesLists,
                select.sortClause,
                select.lockingClause,
            ]
            .iter()
            .all(|clause| clause.is_null());
        if !is_plain || select.targetList.is_null() || (*select.targetList).length != 1 {
            return Err(refused());
        }
        let target = &*nth(select.targetList, 0).cast::<pg_sys::ResTarget>();
        if !target.name.is_null() || !target.indirection.is_null() {
            return Err(refused());
        }
        // The analysis of expressions takes it for granted that a bare star was expanded before.
        if is_a(target.val, pg_sys::NodeTag::T_ColumnRef) {
            let fields = (*target.val.cast::<pg_sys::ColumnRef>()).fields;
            if is_a(nth(fields, (*fields).length - 1), pg_sys::NodeTag::T_A_Star) {
                return Err(refused());
            }
        }
        Ok(target.val)
    }
}
