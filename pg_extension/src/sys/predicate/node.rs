//! Small expression trees the engine adds around a predicate.

use crate::error::{Error, Result};
use crate::sys::list::list;
use crate::sys::marker::{self, Marker};
use crate::sys::user::AsOwner;
use pgrx::{IntoDatum, pg_sys};
use std::ffi::{CStr, CString};

/// The constant true.
pub fn always_true() -> *mut pg_sys::Node {
    // SAFETY: makes a node.
    unsafe { pg_sys::makeBoolConst(true, false) }
}

/// The constant false.
pub fn always_false() -> *mut pg_sys::Node {
    // SAFETY: makes a node.
    unsafe { pg_sys::makeBoolConst(false, false) }
}

/// OID of a function of the extension.
pub fn function(schema: &CStr, name: &CStr, arguments: &[pg_sys::Oid]) -> Result<pg_sys::Oid> {
    // The schemas grant nothing to the current user.
    let _owner = AsOwner::switch();
    // SAFETY: String nodes and the list live in the current context; the look-up with missing_ok returns InvalidOid
    // for a function that is not there.
    let oid = unsafe {
        let names = list(&[
            pg_sys::makeString(pg_sys::pstrdup(schema.as_ptr())),
            pg_sys::makeString(pg_sys::pstrdup(name.as_ptr())),
        ]);
        pg_sys::LookupFuncName(names, arguments.len() as i32, arguments.as_ptr(), true)
    };
    if oid == pg_sys::InvalidOid {
        return Err(Error::not_ready(
            "the extension and its library do not fit together",
            "Run ALTER EXTENSION pg_vpd UPDATE, and restart the server if the library is newer.",
        ));
    }
    Ok(oid)
}

fn boolean_call(oid: pg_sys::Oid, arguments: *mut pg_sys::List) -> *mut pg_sys::Node {
    // SAFETY: makes a node; the function returns boolean.
    unsafe {
        pg_sys::makeFuncExpr(
            oid,
            pg_sys::BOOLOID,
            arguments,
            pg_sys::InvalidOid,
            pg_sys::InvalidOid,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
        )
        .cast()
    }
}

/// `expression AND marker()`.
pub fn and_marker(expression: *mut pg_sys::Node, marker: Marker) -> Result<*mut pg_sys::Node> {
    let oid = function(c"vpd_private", marker.function_name(), &[])?;
    marker.remember(oid);
    // SAFETY: joins two boolean expressions.
    Ok(unsafe { pg_sys::make_and_qual(expression, boolean_call(oid, std::ptr::null_mut())) })
}

/// `context_marker()`: a condition that is always true and ties a plan to the session it was made for.
pub fn context_mark() -> Result<*mut pg_sys::Node> {
    marker::use_marked(Marker::Context);
    and_marker(std::ptr::null_mut(), Marker::Context)
}

/// OID of the function that marks our permissive policy.
pub fn permitted_function() -> Result<pg_sys::Oid> {
    function(c"vpd_private", c"permitted", &[pg_sys::INT4OID, pg_sys::BOOLOID])
}

/// `permitted(command, is_open)`: `is_open`. The number of the command makes those of two commands differ, as the server drops a condition
/// that stands there already.
pub fn permitted(command: pg_sys::CmdType::Type, is_open: bool) -> Result<*mut pg_sys::Node> {
    let oid = permitted_function()?;
    // SAFETY: makes nodes in the current context.
    let (command, is_open) = unsafe {
        let command = pg_sys::makeConst(
            pg_sys::INT4OID,
            -1,
            pg_sys::InvalidOid,
            4,
            pg_sys::Datum::from(command as i32),
            false,
            true,
        );
        (command, pg_sys::makeBoolConst(is_open, false))
    };
    Ok(boolean_call(
        oid,
        list(&[command.cast::<pg_sys::Node>(), is_open]),
    ))
}

/// OID of the function that marks a condition on statements which reference certain columns.
pub fn relevant_function() -> Result<pg_sys::Oid> {
    function(
        c"vpd_private",
        c"relevant",
        &[pg_sys::INT2ARRAYOID, pg_sys::BOOLOID],
    )
}

/// `relevant(columns, condition)`.
pub fn relevant(columns: &[i16], condition: *mut pg_sys::Node) -> Result<*mut pg_sys::Node> {
    let oid = relevant_function()?;
    // SAFETY: makes nodes and an array in the current context.
    unsafe {
        let columns = pg_sys::makeConst(
            pg_sys::INT2ARRAYOID,
            -1,
            pg_sys::InvalidOid,
            -1,
            columns.into_datum().unwrap_or(pg_sys::Datum::from(0)),
            false,
            false,
        );
        Ok(boolean_call(oid, list(&[columns.cast(), condition])))
    }
}

/// Makes the plan that is being made depend on the marker, though nothing in it carries it.
pub fn mark_plan(marker: Marker) -> Result<()> {
    marker.remember(function(c"vpd_private", marker.function_name(), &[])?);
    marker::use_marked(marker);
    Ok(())
}

/// `SELECT expression`.
pub fn select_of(expression: *mut pg_sys::Node) -> *mut pg_sys::Query {
    // SAFETY: builds the query the parser builds for a SELECT without FROM.
    unsafe {
        let mut query = pgrx::PgBox::<pg_sys::Query>::alloc_node(pg_sys::NodeTag::T_Query);
        query.commandType = pg_sys::CmdType::CMD_SELECT;
        query.canSetTag = true;
        query.jointree = pg_sys::makeFromExpr(std::ptr::null_mut(), std::ptr::null_mut());
        query.targetList = list(&[pg_sys::makeTargetEntry(
            expression.cast(),
            1,
            pg_sys::pstrdup(c"value".as_ptr()),
            false,
        )]);
        query.into_pg()
    }
}

/// `(SELECT expression)`, which the executor evaluates once for each execution.
pub fn scalar_subselect(expression: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: builds the node the parser builds for a sub-select.
    unsafe {
        let mut link = pgrx::PgBox::<pg_sys::SubLink>::alloc_node(pg_sys::NodeTag::T_SubLink);
        link.subLinkType = pg_sys::SubLinkType::EXPR_SUBLINK;
        link.subselect = select_of(expression).cast();
        link.location = -1;
        link.into_pg().cast()
    }
}

/// `(SELECT vpd.is_established())`: no row without a session.
pub fn session_gate() -> Result<*mut pg_sys::Node> {
    let oid = function(c"vpd", c"is_established", &[])?;
    Ok(scalar_subselect(boolean_call(oid, std::ptr::null_mut())))
}

/// `CASE WHEN predicate THEN true ELSE policy_violated(relation, policy) END`: the check on new rows, with our own error.
pub fn checked(
    predicate: *mut pg_sys::Node,
    relation: pg_sys::Oid,
    policy: &str,
) -> Result<*mut pg_sys::Node> {
    let violated = refusal(c"policy_violated", relation, policy)?;
    Ok(choice(predicate, always_true(), violated))
}

/// A call of a function `(regclass, text)` in vpd_private that raises an error.
pub fn refusal(name: &CStr, relation: pg_sys::Oid, object: &str) -> Result<*mut pg_sys::Node> {
    let oid = function(c"vpd_private", name, &[pg_sys::REGCLASSOID, pg_sys::TEXTOID])?;
    Ok(boolean_call(oid, list(&named(relation, object)?)))
}

/// OID of the function that is told of rows for audit policies.
pub fn audited_function() -> Result<pg_sys::Oid> {
    let types = [
        pg_sys::REGCLASSOID,
        pg_sys::REGCLASSOID,
        pg_sys::TEXTOID,
        pg_sys::ANYOID,
    ];
    function(c"vpd_private", c"audited", &types)
}

/// `audited(relation, audited_table, policy, values…)`.
pub fn audited(
    relation: pg_sys::Oid,
    audited_table: pg_sys::Oid,
    policy: &str,
    values: &[*mut pg_sys::Node],
) -> Result<*mut pg_sys::Node> {
    let [audited_table, policy] = named(audited_table, policy)?;
    let mut arguments = vec![regclass(relation), audited_table, policy];
    arguments.extend_from_slice(values);
    Ok(boolean_call(audited_function()?, list(&arguments)))
}

fn regclass(relation: pg_sys::Oid) -> *mut pg_sys::Node {
    let value = pg_sys::Datum::from(relation);
    // SAFETY: makes a node in the current context.
    unsafe { pg_sys::makeConst(pg_sys::REGCLASSOID, -1, pg_sys::InvalidOid, 4, value, false, true).cast() }
}

/// Constants that name a relation, and something of it.
fn named(relation: pg_sys::Oid, object: &str) -> Result<[*mut pg_sys::Node; 2]> {
    let object = CString::new(object).map_err(|_| Error::predicate_broken(""))?;
    // SAFETY: builds nodes in the current context; the text constant is palloc'd there as well.
    unsafe {
        let text = pg_sys::Datum::from(pg_sys::cstring_to_text(object.as_ptr()));
        let object = pg_sys::makeConst(
            pg_sys::TEXTOID,
            -1,
            pg_sys::DEFAULT_COLLATION_OID,
            -1,
            text,
            false,
            false,
        );
        Ok([regclass(relation), object.cast()])
    }
}

/// `CASE WHEN condition THEN yes ELSE no END`, of the type and collation of `yes`.
pub fn choice(
    condition: *mut pg_sys::Node,
    yes: *mut pg_sys::Node,
    no: *mut pg_sys::Node,
) -> *mut pg_sys::Node {
    // SAFETY: builds nodes in the current context from expressions of it.
    unsafe {
        let mut when = pgrx::PgBox::<pg_sys::CaseWhen>::alloc_node(pg_sys::NodeTag::T_CaseWhen);
        when.expr = condition.cast();
        when.result = yes.cast();
        when.location = -1;
        let mut case = pgrx::PgBox::<pg_sys::CaseExpr>::alloc_node(pg_sys::NodeTag::T_CaseExpr);
        case.casetype = pg_sys::exprType(yes);
        case.casecollid = pg_sys::exprCollation(yes);
        case.args = list(&[when.into_pg()]);
        case.defresult = no.cast();
        case.location = -1;
        case.into_pg().cast()
    }
}

/// A parameter that nobody gives a value.
///
/// # Safety
/// Inside of the server's memory management.
pub(super) unsafe fn parameter(number: i32, kind: pg_sys::Oid, location: i32) -> *mut pg_sys::Param {
    // SAFETY: the node is zeroed memory of its type.
    unsafe {
        let parameter = pg_sys::palloc0(size_of::<pg_sys::Param>()).cast::<pg_sys::Param>();
        (*parameter).xpr.type_ = pg_sys::NodeTag::T_Param;
        (*parameter).paramkind = pg_sys::ParamKind::PARAM_EXTERN;
        (*parameter).paramid = number;
        (*parameter).paramtype = kind;
        (*parameter).paramtypmod = -1;
        (*parameter).location = location;
        parameter
    }
}
