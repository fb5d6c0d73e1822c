//! Supplies the policies of a table when a query is rewritten. Runs at rewriting, not at execution, several times per statement.
//!
//! A protected table gets one permissive policy `true`, which never stands in the catalogue, and one restrictive policy for
//! each of ours. Without the permissive one nothing is visible: an error or a missing library shows no row.
//! Where PostgreSQL's own permissive policies stand on the table, they say what may be seen at all, and ours restrict that:
//! then ours is `false`, for every role and command, since the server joins permissive policies by OR.

use crate::error::Result;
use crate::sys::list::nth;
use crate::sys::predicate::{
    always_false, always_true, checked, context_mark, permitted, relevant, session_gate,
};
use crate::sys::referential::Outside;
use crate::sys::restriction::{Command, Restriction, Restrictions};
use crate::sys::table::table;
use pgrx::{pg_guard, pg_sys};
use std::ffi::CString;

static mut NEXT_PERMISSIVE: pg_sys::row_security_policy_hook_type = None;
static mut NEXT_RESTRICTIVE: pg_sys::row_security_policy_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT_PERMISSIVE = pg_sys::row_security_policy_hook_permissive;
        NEXT_RESTRICTIVE = pg_sys::row_security_policy_hook_restrictive;
        pg_sys::row_security_policy_hook_permissive = Some(permissive);
        pg_sys::row_security_policy_hook_restrictive = Some(restrictive);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn permissive(
    command: pg_sys::CmdType::Type,
    relation: pg_sys::Relation,
) -> *mut pg_sys::List {
    // SAFETY: the server passes an open relation; the former hook gets what we got.
    unsafe {
        let list = match NEXT_PERMISSIVE {
            Some(next) => guarded!(next(command, relation)),
            None => std::ptr::null_mut(),
        };
        if !(table().policy.is_open)((*relation).rd_id) {
            return list;
        }
        let is_open = !has_permissive_policy(relation);
        let permitted = permitted(command, is_open).unwrap_or_else(|error| error.raise());
        pg_sys::lappend(
            list,
            security_policy("vpd_permit", true, permitted, std::ptr::null_mut(), false).cast(),
        )
    }
}

/// Whether the catalogue has a permissive policy for the table, whatever role and command it is for. None is ours.
unsafe fn has_permissive_policy(relation: pg_sys::Relation) -> bool {
    // SAFETY: the server asks the hooks for tables with row security alone, whose entry in its cache lists their policies.
    unsafe {
        let policies = (*(*relation).rd_rsdesc).policies;
        let count = policies.as_ref().map_or(0, |list| list.length);
        (0..count).any(|index| {
            let policy = nth(policies, index).cast::<pg_sys::RowSecurityPolicy>();
            (*policy).permissive
        })
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn restrictive(
    command: pg_sys::CmdType::Type,
    relation: pg_sys::Relation,
) -> *mut pg_sys::List {
    // SAFETY: as in `permissive`.
    unsafe {
        let mut list = match NEXT_RESTRICTIVE {
            Some(next) => guarded!(next(command, relation)),
            None => std::ptr::null_mut(),
        };
        // Policy functions run here. They are code of others, also when a rule has brought the table into the query of a foreign key.
        let _outside = Outside::enter();
        let Some(restrictions) = applying(command, relation) else {
            return list;
        };
        // A native permissive policy would open a partition to whoever reads it past its parent.
        if !(table().policy.is_open)((*relation).rd_id) {
            let shut = security_policy("vpd_shut", false, always_false(), std::ptr::null_mut(), false);
            return pg_sys::lappend(list, shut.cast());
        }
        let is_writing = matches!(command, pg_sys::CmdType::CMD_INSERT | pg_sys::CmdType::CMD_UPDATE);
        if restrictions.needs_gate {
            let gate = session_gate().unwrap_or_else(|error| error.raise());
            list = pg_sys::lappend(
                list,
                security_policy("vpd_session", false, gate, std::ptr::null_mut(), true).cast(),
            );
        }
        if restrictions.depends_on_context {
            let mark = context_mark().unwrap_or_else(|error| error.raise());
            list = pg_sys::lappend(
                list,
                security_policy("vpd_groups", false, mark, std::ptr::null_mut(), false).cast(),
            );
        }
        for policy in &restrictions.policies {
            let using = condition(policy).unwrap_or_else(|error| error.raise());
            let check = if !is_writing {
                std::ptr::null_mut()
            } else if policy.is_checked {
                condition(policy)
                    .and_then(|condition| checked(condition, (*relation).rd_id, &policy.name))
                    .unwrap_or_else(|error| error.raise())
            } else {
                always_true()
            };
            list = pg_sys::lappend(
                list,
                security_policy(&policy.name, false, using, check, policy.predicate.has_sublinks).cast(),
            );
        }
        list
    }
}

/// The condition of a policy, marked when it depends on the columns of the statement.
fn condition(policy: &Restriction) -> Result<*mut pg_sys::Node> {
    let condition = policy.predicate.copy();
    match &policy.relevant_columns {
        None => Ok(condition),
        Some(columns) => relevant(columns, condition),
    }
}

/// What holds for this command; an error is raised here, so that the statement fails.
unsafe fn applying(command: pg_sys::CmdType::Type, relation: pg_sys::Relation) -> Option<Restrictions> {
    let command = match command {
        pg_sys::CmdType::CMD_INSERT => Command::Insert,
        pg_sys::CmdType::CMD_UPDATE => Command::Update,
        pg_sys::CmdType::CMD_DELETE => Command::Delete,
        // MERGE is asked about as such and then, action by action, as the other commands.
        _ => Command::Select,
    };
    // SAFETY: the relation is open.
    let oid = unsafe { (*relation).rd_id };
    (table().policy.restrictions)(oid, command).unwrap_or_else(|error| error.raise())
}

/// A policy as the server's own code makes it from its catalogue: for every command and every role.
unsafe fn security_policy(
    name: &str,
    is_permissive: bool,
    using: *mut pg_sys::Node,
    check: *mut pg_sys::Node,
    has_sublinks: bool,
) -> *mut pg_sys::RowSecurityPolicy {
    let name = CString::new(name).unwrap_or_default();
    // SAFETY: everything is palloc'd in the context of the query that is being rewritten.
    unsafe {
        let policy = pg_sys::palloc0(std::mem::size_of::<pg_sys::RowSecurityPolicy>())
            .cast::<pg_sys::RowSecurityPolicy>();
        let mut everybody = pg_sys::Datum::from(pg_sys::Oid::from(pg_sys::ACL_ID_PUBLIC));
        (*policy).policy_name = pg_sys::pstrdup(name.as_ptr());
        (*policy).polcmd = b'*' as std::ffi::c_char;
        (*policy).roles = pg_sys::construct_array(
            &mut everybody,
            1,
            pg_sys::OIDOID,
            4,
            true,
            b'i' as std::ffi::c_char,
        );
        (*policy).permissive = is_permissive;
        (*policy).qual = using.cast();
        (*policy).with_check_qual = check.cast();
        (*policy).hassublinks = has_sublinks;
        policy
    }
}
