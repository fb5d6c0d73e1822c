//! Predicates as expression trees: parsed against a relation, with the reads of the session context hoisted.
//!
//! What it is not: it decides neither which predicates apply nor what a failure means.
//! Invariant: a compiled tree lives in a memory context of its own and is only ever handed out as a copy.

use super::marker::{self, Marker};
use super::spi::CatalogPath;
use crate::error::{Error, Result};
use pgrx::{PgTryBuilder, is_a, pg_sys};
use std::ffi::{CStr, CString};
use std::panic::AssertUnwindSafe;

mod label;
mod node;
mod session_read;
mod value;
mod verdict;

pub use node::{
    always_false, always_true, checked, choice, context_mark, function, list, mark_plan, negated, nth,
    permitted, permitted_function, refusal, relevant, relevant_function, session_gate,
};
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
    marker: Option<Marker>,
}

impl Compiled {
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

/// What a text says: its tree, and whether that contains a sub-select.
type Analyzed = (*mut pg_sys::Node, bool);

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
    PgTryBuilder::new(AssertUnwindSafe(|| {
        // SAFETY: all nodes are made in a context of the predicate's own, which becomes a child of the cache's
        // long-lived parent only when nothing failed; before that it is a child of the current one and goes with it.
        unsafe {
            let memory = pg_sys::AllocSetContextCreateInternal(
                pg_sys::CurrentMemoryContext,
                c"pg_vpd predicate".as_ptr(),
                pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
                pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
                pg_sys::ALLOCSET_SMALL_MAXSIZE as usize,
            );
            let former = pg_sys::MemoryContextSwitchTo(memory);
            let outcome = analysis(&text).and_then(|analyzed| hoist(analyzed, marker));
            pg_sys::MemoryContextSwitchTo(former);
            let hoisted = outcome?;
            pg_sys::MemoryContextSetParent(memory, pg_sys::CacheMemoryContext);
            Ok(Compiled {
                memory,
                node: hoisted.node,
                plain: hoisted.plain,
                has_sublinks: hoisted.has_sublinks,
                denies_without_session: hoisted.denies_without_session,
                marker,
            })
        }
    }))
    .catch_others(|caught| match caught {
        pg_sys::panic::CaughtError::PostgresError(report)
        | pg_sys::panic::CaughtError::ErrorReport(report) => {
            let is_syntax = report.sql_error_code() == pgrx::PgSqlErrorCode::ERRCODE_SYNTAX_ERROR;
            Err(refuse(is_syntax, report.message()))
        }
        panic => panic.rethrow(),
    })
    .execute()
}

struct Hoisted {
    node: *mut pg_sys::Node,
    plain: *mut pg_sys::Node,
    has_sublinks: bool,
    denies_without_session: bool,
}

unsafe fn hoist((plain, had_sublinks): Analyzed, marker: Option<Marker>) -> Result<Hoisted> {
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
            plain,
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
    let _path = CatalogPath::pin();
    let alias = alias.and_then(|alias| CString::new(alias).ok());
    // As whoever runs the statement, or adds the policy: reading a literal can run code, such as the check of a domain.
    // SAFETY: the relation is locked; every pointer below comes from the server's own parser.
    unsafe {
        let expression = parse_one_expression(text, refuse)?;
        let state = pg_sys::make_parsestate(std::ptr::null_mut());
        (*state).p_sourcetext = text.as_ptr();
        let opened = pg_sys::table_open(relation, pg_sys::AccessShareLock as i32);
        let alias = alias.map_or(std::ptr::null_mut(), |alias| {
            pg_sys::makeAlias(alias.as_ptr(), std::ptr::null_mut())
        });
        let item = pg_sys::addRangeTableEntryForRelation(
            state,
            opened,
            pg_sys::AccessShareLock as i32,
            alias,
            false,
            false,
        );
        pg_sys::addNSItemToQuery(state, item, false, true, true);
        let expression = transform(state, expression)?;
        pg_sys::assign_expr_collations(state, expression);
        let had_sublinks = (*state).p_hasSubLinks;
        pg_sys::table_close(opened, pg_sys::NoLock as i32);
        pg_sys::free_parsestate(state);
        Ok((expression, had_sublinks))
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
        let statement = (*node::nth(list, 0).cast::<pg_sys::RawStmt>()).stmt;
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
        let target = &*node::nth(select.targetList, 0).cast::<pg_sys::ResTarget>();
        if !target.name.is_null() || !target.indirection.is_null() {
            return Err(refused());
        }
        // The analysis of expressions takes it for granted that a bare star was expanded before.
        if is_a(target.val, pg_sys::NodeTag::T_ColumnRef) {
            let fields = (*target.val.cast::<pg_sys::ColumnRef>()).fields;
            if is_a(node::nth(fields, (*fields).length - 1), pg_sys::NodeTag::T_A_Star) {
                return Err(refused());
            }
        }
        Ok(target.val)
    }
}
