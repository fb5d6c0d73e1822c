//! Settings, all under `vpd.`. No setting that a plain user can change decides anything.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::CString;

const PRODUCTION: &str = "production";

/// What a policy function that returns NULL or an empty text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, pgrx::PostgresGucEnum)]
pub enum NullPredicate {
    /// No row. The default.
    #[name = c"deny"]
    Deny,
    /// Every row, as in Oracle; for migrated scripts.
    #[name = c"all_rows"]
    AllRows,
}

/// What becomes of a changed search_path when a session is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, pgrx::PostgresGucEnum)]
pub enum AttachSearchPath {
    /// It is what it was when the connection began. The default.
    #[name = c"reset"]
    Reset,
    /// No session is attached.
    #[name = c"refuse"]
    Refuse,
    /// It stays.
    #[name = c"keep"]
    Keep,
}

static ATTACH_SEARCH_PATH: GucSetting<AttachSearchPath> =
    GucSetting::<AttachSearchPath>::new(AttachSearchPath::Reset);

/// What becomes of statements under an audit policy on a standby, where no trail can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, pgrx::PostgresGucEnum)]
pub enum AuditOnStandby {
    /// They are written to the server's log, as JSON. The default.
    #[name = c"log"]
    Log,
    /// They are refused.
    #[name = c"refuse"]
    Refuse,
}

static NULL_PREDICATE: GucSetting<NullPredicate> = GucSetting::<NullPredicate>::new(NullPredicate::Deny);

static STRICT_VERSION: GucSetting<bool> = GucSetting::<bool>::new(false);

static MAX_SHARED_HIERARCHY: GucSetting<i32> = GucSetting::<i32>::new(1024);

static AUDIT_RING_SIZE: GucSetting<i32> = GucSetting::<i32>::new(1024);

static AUDIT_WAIT: GucSetting<i32> = GucSetting::<i32>::new(2_000);

static AUDIT_ON_STANDBY: GucSetting<AuditOnStandby> = GucSetting::<AuditOnStandby>::new(AuditOnStandby::Log);

static MASTER_KEY_FILE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

static MASTER_KEY_COMMAND: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

static ENVIRONMENT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"production"));

/// Defines the settings and reserves the prefix, so that nobody can define `vpd.anything` of his own.
pub fn init() {
    GucRegistry::define_enum_guc(
        c"vpd.null_predicate",
        c"What a policy function that returns NULL or an empty text means: deny (no row) or all_rows (Oracle's meaning).",
        c"Default deny. May be set by superusers only. Change it only while scripts migrated from Oracle rely on it.",
        &NULL_PREDICATE,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"vpd.attach_search_path",
        c"What becomes of a search_path that was changed on the connection when a session is attached: reset, refuse or keep.",
        c"Default reset. May be set by superusers only. With keep, the next user of a pooled connection works with the path that the former one left.",
        &ATTACH_SEARCH_PATH,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"vpd.strict_version",
        c"Refuse to work on a minor release of PostgreSQL with known leaks of row security.",
        c"Default off: such a server is warned of in its log at start. On: every function raises 55000. Needs a restart.",
        &STRICT_VERSION,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"vpd.environment",
        c"The environment this server belongs to: roles whose name ends in _PREPROD count everywhere but in production.",
        c"Default production. Any other name is another environment, in which enterprise roles without the suffix do not count. Needs a restart.",
        &ENVIRONMENT,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"vpd.master_key_file",
        c"The file with the master keys that wrap the keys of sealed columns: a line each, name = 64 hexadecimal digits, the current one first.",
        c"Default none. It belongs to the server's user (mode 0600) or to root (0640), or it is not read. Needs a restart.",
        &MASTER_KEY_FILE,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"vpd.master_key_command",
        c"A command of the shell that prints the master keys, in the form of the file: for a key server or a hardware module.",
        c"Default none. It runs once, when the server starts, and may take 10 seconds. Needs a restart.",
        &MASTER_KEY_COMMAND,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_int_guc(
        c"vpd.max_shared_hierarchy",
        c"Most memory that the nodes of a hierarchy may take to be shared by all connections.",
        c"Default 1 GB. 0: each connection has its own copy. May be set in the configuration file only.",
        &MAX_SHARED_HIERARCHY,
        0,
        1024 * 1024,
        GucContext::Sighup,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_int_guc(
        c"vpd.audit_ring_size",
        c"Room for records of the audit trail that are not written down yet, for each database.",
        c"Default 1 MB. It counts when the room is made, in the first statement that needs it.",
        &AUDIT_RING_SIZE,
        64,
        1024 * 1024,
        GucContext::Sighup,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"vpd.audit_wait",
        c"How long a statement waits for the audit trail: for room, or, under a strict policy, until its record is durable.",
        c"Default 2 s. Without room the record is lost, which is counted and recorded; a statement under a strict policy is refused.",
        &AUDIT_WAIT,
        1,
        600_000,
        GucContext::Sighup,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_enum_guc(
        c"vpd.audit_on_standby",
        c"What becomes of statements under an audit policy on a standby: log (a line of JSON in the server's log) or refuse.",
        c"Default log. May be set in the configuration file only. Strict policies refuse nothing more there than others.",
        &AUDIT_ON_STANDBY,
        GucContext::Sighup,
        GucFlags::default(),
    );
}

/// Whether statements under an audit policy run on a standby, and are written to the server's log.
pub fn is_audited_on_standby() -> bool {
    AUDIT_ON_STANDBY.get() == AuditOnStandby::Log
}

/// The file with the master keys.
pub fn master_key_file() -> Option<String> {
    text(&MASTER_KEY_FILE)
}

/// The command that prints them.
pub fn master_key_command() -> Option<String> {
    text(&MASTER_KEY_COMMAND)
}

fn text(setting: &GucSetting<Option<CString>>) -> Option<String> {
    let text = setting.get()?.to_string_lossy().into_owned();
    (!text.is_empty()).then_some(text)
}

/// Bytes for records that are not written down yet.
pub fn audit_ring_size() -> usize {
    usize::try_from(AUDIT_RING_SIZE.get()).unwrap_or(1024) * 1024
}

/// Most milliseconds that a statement waits for the audit trail.
pub fn audit_wait_milliseconds() -> u32 {
    AUDIT_WAIT.get().unsigned_abs()
}

/// The meaning of an empty predicate, now.
pub fn null_predicate() -> NullPredicate {
    NULL_PREDICATE.get()
}

/// What becomes of a changed search_path, now.
pub fn attach_search_path() -> AttachSearchPath {
    ATTACH_SEARCH_PATH.get()
}

/// Name of the environment.
pub fn environment() -> String {
    ENVIRONMENT.get().map_or_else(
        || PRODUCTION.to_owned(),
        |name| name.to_string_lossy().trim().to_owned(),
    )
}

/// True in the production environment, which an empty name means as well.
pub fn is_production() -> bool {
    matches!(environment().as_str(), "" | PRODUCTION)
}

/// Most bytes of a hierarchy that is shared by all connections; 0 when none is.
pub fn max_shared_hierarchy() -> usize {
    usize::try_from(MAX_SHARED_HIERARCHY.get()).unwrap_or(0) * 1024 * 1024
}

/// Whether a minor release below the floor is refused.
pub fn is_version_strict() -> bool {
    STRICT_VERSION.get()
}
