//! Exemption: roles that policies do not apply to, as Oracle's EXEMPT ACCESS POLICY.
//!
//! It goes by the role that runs the statement, and by nothing else: not by membership, not by the owner of a view. The guard
//! stays, so that an exempt role too sees nothing when the library is missing.
//! Invariant: a plan made as exempt is not run again after any exemption changed, not even in a transaction that holds the table.

use super::cache;
use crate::error::{Error, Result};
use crate::sys::spi::{arg, oid_arg, statements};
use crate::sys::{Oid, marker, relation, shmem, user, xact};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

const MAX_REASON_CHARS: usize = 1_000;

statements! {
    ROLE = "exemption/role.sql";
    RELATION = "exemption/relation.sql";
    GRANT = "exemption/grant.sql";
    REVOKE = "exemption/revoke.sql";
    END_STALE = "exemption/end_stale.sql";
    EVERYWHERE = "exemption/everywhere.sql";
    TABLES = "exemption/protected_tables.sql";
    OPEN = scanning "exemption/open.sql";
}

thread_local! {
    /// Whether a role is exempt on every table, under the generation this was read in: enough to tell somebody, not to decide.
    static KNOWN_EVERYWHERE: Cell<Option<(u64, Oid, bool)>> = const { Cell::new(None) };
    /// The exemption generation this backend has followed.
    static SEEN: Cell<u64> = const { Cell::new(0) };
    /// The exemptions there were then, on a standby.
    static FOLLOWED: RefCell<Option<Vec<Exemption>>> = const { RefCell::new(None) };
    /// Roles and tables for which queries were rewritten as exempt since then.
    static USED: RefCell<HashSet<(Oid, Oid)>> = RefCell::new(HashSet::new());
    /// Statements and cursors of the transaction that may run as exempt.
    static STARTED: RefCell<HashMap<usize, Start>> = RefCell::new(HashMap::new());
    /// Whether the current transaction changed exemptions.
    static HAS_CHANGED: Cell<bool> = const { Cell::new(false) };
}

/// Role, its name, and the table; none for every table.
type Exemption = (Oid, String, Option<Oid>);

/// What a statement or cursor was started as.
struct Start {
    /// The generation its exemptions were last found under.
    generation: u64,
    role: Oid,
    tables: Vec<Oid>,
}

/// Whether policies of the table do not apply to the role that statements run as now.
pub fn is_exempt(table: Oid) -> bool {
    let role = user::current();
    let is_exempt = is_role_exempt(role, table);
    if is_exempt {
        USED.with_borrow_mut(|used| used.insert((role, table)));
    }
    is_exempt
}

/// Whether the role that statements run as now is exempt on every table, as far as this backend was told.
pub fn is_exempt_everywhere() -> bool {
    let (generation, role) = (shmem::exemption_generation(), user::current());
    if let Some((read_in, of, is_exempt)) = KNOWN_EVERYWHERE.get()
        && (read_in, of) == (generation, role)
    {
        return is_exempt;
    }
    let is_exempt = EVERYWHERE
        .with(|statement| statement.query_one(&[oid_arg(role)], |row| row.get::<bool>(1)))
        .flatten()
        .unwrap_or(false);
    KNOWN_EVERYWHERE.set(Some((generation, role, is_exempt)));
    is_exempt
}

fn is_role_exempt(role: Oid, table: Oid) -> bool {
    follow(shmem::exemption_generation());
    cache::relation(table).is_some_and(|relation| relation.exempt_roles.contains(&role))
}

/// Forgets what was read and planned before exemptions changed. The news of the tables, which come with the commit too, are not read
/// while a transaction holds the table.
fn follow(generation: u64) {
    if SEEN.replace(generation) != generation && !are_as_followed() {
        cache::forget_relation(None);
        if !USED.take().is_empty() {
            marker::forget_plans();
        }
    }
}

/// The generation of a standby rises with whatever the primary writes: there the exemptions themselves are compared.
fn are_as_followed() -> bool {
    if !xact::is_standby() {
        return false;
    }
    let open =
        OPEN.with(|statement| statement.query(&[], |row| Some((row.get(1)?, row.get(2)?, row.get(3)))));
    let open: Vec<Exemption> = open.into_iter().flatten().collect();
    FOLLOWED.with_borrow_mut(|followed| {
        let are_same = followed.as_ref() == Some(&open);
        *followed = Some(open);
        are_same
    })
}

/// A statement starts with the plan it has: an error when that plan may have been made for an exemption that is gone.
/// Costs a look at a set in backends where nobody was exempt. `run` tells runs apart.
pub fn run_started(run: usize, tables: impl FnOnce() -> Vec<Oid>) -> Result<()> {
    take_started(run);
    if USED.with_borrow(HashSet::is_empty) {
        return Ok(());
    }
    let role = user::current();
    let mut tables = tables();
    tables.retain(|table| USED.with_borrow(|used| used.contains(&(role, *table))));
    if tables.is_empty() {
        return Ok(());
    }
    let mut start = Start {
        generation: 0,
        role,
        tables,
    };
    start.check()?;
    STARTED.with_borrow_mut(|started| started.insert(run, start));
    Ok(())
}

/// Takes what a run was started as. Nobody is exempt in most backends: they hash nothing.
fn take_started(run: usize) -> Option<Start> {
    STARTED.with_borrow_mut(|started| {
        if started.is_empty() {
            None
        } else {
            started.remove(&run)
        }
    })
}

/// Rows of a statement or cursor are about to be read: an error when it was started as exempt and the exemption is gone.
pub fn run_continues(run: usize) -> Result<()> {
    let Some(mut start) = take_started(run) else {
        return Ok(());
    };
    start.check()?;
    STARTED.with_borrow_mut(|started| started.insert(run, start));
    Ok(())
}

impl Start {
    fn check(&mut self) -> Result<()> {
        let generation = shmem::exemption_generation();
        if self.generation != generation {
            if !self.tables.iter().all(|table| is_role_exempt(self.role, *table)) {
                return Err(Error::exemption_changed());
            }
            self.generation = generation;
        }
        Ok(())
    }
}

/// Exempts a role on one table, or on every table.
pub fn grant(role: Oid, reason: &str, table: Option<Oid>) -> Result<()> {
    let name = role_name(role)?;
    if user::acting().iter().any(|acting| user::is_member(*acting, role)) {
        return Err(Error::privilege_missing(
            "nobody exempts himself, or a role he is a member of",
            "Ask another security administrator.",
        ));
    }
    check_reason(reason)?;
    check_table(table)?;
    let granted =
        GRANT.with(|statement| statement.execute(&[oid_arg(role), optional_oid(table), arg(reason)]));
    if granted == 0 {
        return Err(Error::exemption_exists(&name));
    }
    announce(table);
    pgrx::log!(
        "pg_vpd: role \"{name}\" is exempt from policies on {} by \"{}\": {reason}",
        place(table),
        user::session_name()
    );
    Ok(())
}

/// Revokes an exemption.
pub fn revoke(role: Oid, table: Option<Oid>) -> Result<()> {
    let revoked = REVOKE.with(|statement| statement.execute(&[oid_arg(role), optional_oid(table)]));
    if revoked == 0 {
        return Err(Error::not_found(
            "exemption_not_found",
            "the role has no such exemption",
            "See the view vpd.exemptions; without a relation the exemption on every table is meant.",
        ));
    }
    announce(table);
    pgrx::log!(
        "pg_vpd: role \"{}\" is no longer exempt from policies on {} by \"{}\"",
        role_name(role).unwrap_or_default(),
        place(table),
        user::session_name()
    );
    Ok(())
}

/// Closes exemptions of dropped roles and tables.
pub fn end_stale() {
    if END_STALE.with(|statement| statement.execute(&[])) > 0 {
        announce(None);
    }
}

/// The current transaction changed exemptions otherwise.
pub fn note_change() {
    HAS_CHANGED.set(true);
}

/// The transaction committed: whoever plans now must look again.
pub fn transaction_committed() {
    STARTED.with_borrow_mut(HashMap::clear);
    if HAS_CHANGED.replace(false) {
        shmem::announce_exemptions();
    }
}

/// The transaction was rolled back.
pub fn transaction_aborted() {
    STARTED.with_borrow_mut(HashMap::clear);
    HAS_CHANGED.set(false);
}

/// PREPARE TRANSACTION would let the change commit elsewhere, without its announcement.
pub fn may_prepare_transaction() -> Result<()> {
    if HAS_CHANGED.get() {
        return Err(Error::not_preparable("exemptions"));
    }
    Ok(())
}

fn announce(table: Option<Oid>) {
    HAS_CHANGED.set(true);
    let tables = TABLES.with(|statement| statement.query(&[optional_oid(table)], |row| row.get::<Oid>(1)));
    for table in tables.into_iter().flatten() {
        relation::announce_change(table);
    }
}

fn role_name(role: Oid) -> Result<String> {
    ROLE.with(|statement| statement.query_one(&[oid_arg(role)], |row| row.get::<String>(1)))
        .flatten()
        .ok_or_else(|| {
            Error::not_found(
                "role_not_found",
                "the role does not exist",
                "Name a role; PUBLIC cannot be exempt.",
            )
        })
}

fn check_reason(reason: &str) -> Result<()> {
    let is_good = !reason.trim().is_empty()
        && reason.chars().count() <= MAX_REASON_CHARS
        && !reason.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    Err(Error::argument(
        "an exemption needs a reason",
        "Say why in 1 to 1000 characters on one line; it is kept in vpd.exemptions.",
    ))
}

fn check_table(table: Option<Oid>) -> Result<()> {
    let Some(table) = table else { return Ok(()) };
    let is_table = RELATION
        .with(|statement| statement.query_one(&[oid_arg(table)], |row| row.get::<bool>(1)))
        .flatten();
    if is_table == Some(true) {
        return Ok(());
    }
    Err(Error::wrong_relation(
        "policies, and so exemptions, concern tables of applications",
        "Name a table, or leave the relation out for every table.",
    ))
}

fn place(table: Option<Oid>) -> String {
    table.map_or_else(
        || "every table".to_owned(),
        |table| format!("\"{}\"", relation::name(table)),
    )
}

fn optional_oid(table: Option<Oid>) -> crate::sys::spi::Arg {
    table.map_or_else(crate::sys::spi::null_oid_arg, oid_arg)
}
