//! Whose rights the backend acts with.

use super::relation::Opened;
use pgrx::pg_sys;

/// While it lives, the backend acts as the bootstrap superuser; used to read and write the extension's own tables.
/// Dropping it, unwinding included, gives the former user back; an aborted transaction does so as well.
pub struct AsOwner {
    user: pg_sys::Oid,
    context: i32,
}

impl AsOwner {
    /// Switches.
    pub fn switch() -> Self {
        let mut user = pg_sys::InvalidOid;
        let mut context = 0;
        // SAFETY: both out-pointers are valid; the flags forbid SET ROLE while the switch lasts.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            pg_sys::SetUserIdAndSecContext(
                pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID),
                context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32,
            );
        }
        Self { user, context }
    }
}

impl Drop for AsOwner {
    fn drop(&mut self) {
        // SAFETY: restores exactly what `switch` read.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) }
    }
}

/// While it lives, what others wrote can run without harm: as the owner of a relation, or as the caller, in a security-restricted operation,
/// and whatever it sets goes with it. Dropping it, unwinding included, gives the former user back.
pub struct Restricted {
    user: pg_sys::Oid,
    context: i32,
    level: i32,
}

impl Restricted {
    /// As the owner of a relation: for the code of his types, indexes, views.
    pub fn as_owner_of(relation: pg_sys::Oid) -> Self {
        Self::switch(owner(relation))
    }

    /// As a role: for what it wrote, which is called on some event.
    pub fn as_role(role: pg_sys::Oid) -> Self {
        Self::switch(role)
    }

    /// As the caller; a superuser as the owner of the relation. For predicates and policy functions that an administrator asks about.
    pub fn as_caller_on(relation: pg_sys::Oid) -> Self {
        Self::switch(if is_superuser() {
            owner(relation)
        } else {
            current()
        })
    }

    fn switch(to: pg_sys::Oid) -> Self {
        let mut user = pg_sys::InvalidOid;
        let mut context = 0;
        // SAFETY: both out-pointers are valid. The level of settings is closed by `drop`, or by the abort of the transaction.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            pg_sys::SetUserIdAndSecContext(to, context | pg_sys::SECURITY_RESTRICTED_OPERATION as i32);
            Self {
                user,
                context,
                level: pg_sys::NewGUCNestLevel(),
            }
        }
    }
}

impl Drop for Restricted {
    fn drop(&mut self) {
        // SAFETY: restores exactly what `switch` read; while unwinding from an error, the abort closes the level of settings.
        unsafe {
            if !std::thread::panicking() {
                pg_sys::AtEOXact_GUC(false, self.level);
            }
            pg_sys::SetUserIdAndSecContext(self.user, self.context);
        }
    }
}

fn owner(relation: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: a relation that was found above has a row; the descriptor is open while it is read, an error is raised otherwise.
    unsafe { (*(*Opened::any(relation, pg_sys::AccessShareLock).relation()).rd_rel).relowner }
}

/// True when row security does not apply to the current user.
pub fn bypasses_policies() -> bool {
    // SAFETY: catalogue look-ups of the current user, inside a transaction.
    unsafe { pg_sys::has_bypassrls_privilege(pg_sys::GetUserId()) }
}

/// True for what loads a dump: a role that policies do not apply to, both as it logged in and as it acts now, with row security switched off,
/// as every script of pg_dump and pg_restore has it.
pub fn is_loading_dump() -> bool {
    // SAFETY: a setting, and catalogue look-ups of users, inside a transaction.
    unsafe {
        !pg_sys::row_security
            && pg_sys::has_bypassrls_privilege(pg_sys::GetUserId())
            && pg_sys::has_bypassrls_privilege(pg_sys::GetSessionUserId())
    }
}

/// True where ordinary triggers do not fire: changes of another server are applied, or a superuser has set it so.
pub fn fires_no_triggers() -> bool {
    // SAFETY: reads a setting.
    unsafe { pg_sys::SessionReplicationRole == pg_sys::SESSION_REPLICATION_ROLE_REPLICA as i32 }
}

/// True when row security does not apply to a role, or to the current one.
pub fn is_above_policies(role: Option<pg_sys::Oid>) -> bool {
    // SAFETY: a catalogue look-up inside a transaction.
    role.map_or_else(bypasses_policies, |role| unsafe {
        pg_sys::has_bypassrls_privilege(role)
    })
}

/// True when a role, or the current one, is a superuser.
pub fn is_superuser_role(role: Option<pg_sys::Oid>) -> bool {
    // SAFETY: a catalogue look-up inside a transaction.
    role.map_or_else(is_superuser, |role| unsafe { pg_sys::superuser_arg(role) })
}

/// The user that statements run as now.
pub fn current() -> pg_sys::Oid {
    // SAFETY: reads backend state.
    unsafe { pg_sys::GetUserId() }
}

/// Everybody who acts: the user of the connection, the one set by SET ROLE, the one a function runs as.
pub fn acting() -> [pg_sys::Oid; 3] {
    // SAFETY: reads backend state.
    unsafe {
        [
            pg_sys::GetSessionUserId(),
            pg_sys::GetOuterUserId(),
            pg_sys::GetUserId(),
        ]
    }
}

/// True when the user is the role, or a member of it without counting that superusers may become anybody.
pub fn is_member(user: pg_sys::Oid, role: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-up inside a transaction.
    unsafe { pg_sys::is_member_of_role_nosuper(user, role) }
}

/// True when the current user has the rights of a role: is it, a member that inherits, or a superuser.
pub fn has_rights_of(role: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-up inside a transaction.
    unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), role) }
}

/// True when the current user may read every column of a table.
pub fn may_select(table: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-up inside a transaction.
    unsafe {
        pg_sys::pg_class_aclcheck(table, pg_sys::GetUserId(), pg_sys::ACL_SELECT)
            == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// True when the current user may empty a table.
pub fn may_truncate(table: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-up inside a transaction.
    unsafe {
        pg_sys::pg_class_aclcheck(table, pg_sys::GetUserId(), pg_sys::ACL_TRUNCATE)
            == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// True when the current user may read these columns of a relation. What is no column counts as one he may not read.
pub fn may_select_columns(relation: pg_sys::Oid, columns: &[&str]) -> bool {
    may_select(relation)
        || columns.iter().all(|column| {
            std::ffi::CString::new(*column).is_ok_and(|column| {
                // SAFETY: catalogue look-ups inside a transaction; a name that is none has number 0, which nobody is granted.
                unsafe {
                    let number = pg_sys::get_attnum(relation, column.as_ptr());
                    number > 0
                        && pg_sys::pg_attribute_aclcheck(
                            relation,
                            number,
                            pg_sys::GetUserId(),
                            pg_sys::ACL_SELECT,
                        ) == pg_sys::AclResult::ACLCHECK_OK
                }
            })
        })
}

/// True when row security, and masks with it, does not apply to the current user's reads of a table.
pub fn reads_past_policies(relation: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups inside a transaction; without an OID the current user is meant, and nothing is raised.
    let status = unsafe { pg_sys::check_enable_rls(relation, pg_sys::InvalidOid, true) };
    status != pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
}

/// Name of the user that statements run as now.
pub fn current_name() -> String {
    // SAFETY: the current user exists, so the look-up returns a palloc'd, NUL-terminated name.
    unsafe { name(pg_sys::GetUserId()) }
}

/// Name of the user the connection was authorized for.
pub fn session_name() -> String {
    // SAFETY: as above.
    unsafe { name(pg_sys::GetSessionUserId()) }
}

/// Name of the user that the client logged in as, whatever was set since.
pub fn authenticated_name() -> String {
    // SAFETY: as above.
    unsafe { name(pg_sys::GetAuthenticatedUserId()) }
}

unsafe fn name(user: pg_sys::Oid) -> String {
    // SAFETY: with noerr false the function raises an error instead of returning NULL.
    unsafe { std::ffi::CStr::from_ptr(pg_sys::GetUserNameFromId(user, false)) }
        .to_string_lossy()
        .into_owned()
}

/// Name of the schema in which the caller's next table would be made, as `current_schema()` tells; `None` when his path names none.
pub fn current_schema() -> Option<String> {
    // SAFETY: a list of OIDs, freshly made; a name is palloc'd, or NULL when the schema has just gone.
    unsafe {
        let path = pg_sys::fetch_search_path(false);
        if path.is_null() || (*path).length == 0 {
            return None;
        }
        let name = pg_sys::get_namespace_name((*(*path).elements).oid_value);
        (!name.is_null()).then(|| std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// Name of the database.
pub fn database_name() -> String {
    // SAFETY: the backend is connected to a database, whose name is a palloc'd, NUL-terminated string.
    unsafe {
        let name = pg_sys::get_database_name(pg_sys::MyDatabaseId);
        std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// True for a superuser.
pub fn is_superuser() -> bool {
    // SAFETY: catalogue look-up of the current user, inside a transaction.
    unsafe { pg_sys::superuser() }
}
