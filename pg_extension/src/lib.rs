//! pg_vpd: Virtual Private Database and application sessions for PostgreSQL.
//!
//! Read in this order: `error` and `guc` (vocabulary), `sys` (the only door to PostgreSQL's internals), `context`
//! (who this backend serves now), `session` (who may be served), `policy` (what they may see),
//! `hierarchy` (which part of the data they may see), `purge`, `api` (the SQL surface).
//! What needs no server lies beside it, in the crate `vpd_text`.
//! The SQL objects stand in `sql/install`, in the order listed at the end of this file.

pgrx::pg_module_magic!();

mod access;
mod api;
mod audit;
mod authz;
mod context;
mod duty;
mod error;
mod events;
mod guc;
mod hierarchy;
mod load;
mod personal;
mod policy;
mod purge;
mod recent;
mod sealing;
mod session;
mod signing;
mod store;
mod sys;
mod task;
mod trail;
mod trust;

/// Called by PostgreSQL when the library is loaded. Hooks are installed only while the server preloads its libraries:
/// loaded later, in one backend, the library could not see edits of other backends, so every function refuses to work.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    events::init();
    if sys::is_preloading() {
        guc::init();
        sys::init();
    }
}

pgrx::extension_sql_file!("../../sql/install/00_schema.sql", name = "schema", bootstrap);
pgrx::extension_sql_file!(
    "../../sql/install/05_profile_privilege.sql",
    name = "profile_privilege",
    requires = ["schema"]
);
pgrx::extension_sql_file!(
    "../../sql/install/10_app.sql",
    name = "app",
    requires = ["profile_privilege"]
);
pgrx::extension_sql_file!(
    "../../sql/install/20_session.sql",
    name = "session",
    requires = ["app"]
);
pgrx::extension_sql_file!(
    "../../sql/install/21_context.sql",
    name = "context",
    requires = ["session"]
);
pgrx::extension_sql_file!(
    "../../sql/install/22_application_context.sql",
    name = "application_context",
    requires = ["context"]
);
pgrx::extension_sql_file!(
    "../../sql/install/23_authority.sql",
    name = "authority",
    requires = ["application_context"]
);
pgrx::extension_sql_file!(
    "../../sql/install/24_identity.sql",
    name = "identity",
    requires = ["authority"]
);
pgrx::extension_sql_file!(
    "../../sql/install/25_role.sql",
    name = "role",
    requires = ["identity"]
);
pgrx::extension_sql_file!(
    "../../sql/install/26_delegation.sql",
    name = "delegation",
    requires = ["role"]
);
pgrx::extension_sql_file!(
    "../../sql/install/27_segregation.sql",
    name = "segregation",
    requires = ["delegation"]
);
pgrx::extension_sql_file!(
    "../../sql/install/28_audit_column.sql",
    name = "audit_column",
    requires = ["segregation"]
);
pgrx::extension_sql_file!(
    "../../sql/install/29_issuer.sql",
    name = "issuer",
    requires = ["audit_column"]
);
pgrx::extension_sql_file!(
    "../../sql/install/30_ticket.sql",
    name = "ticket",
    requires = ["issuer"]
);
pgrx::extension_sql_file!(
    "../../sql/install/31_signing_key.sql",
    name = "signing_key",
    requires = ["ticket"]
);
pgrx::extension_sql_file!(
    "../../sql/install/32_own_identity.sql",
    name = "own_identity",
    requires = ["signing_key"]
);
pgrx::extension_sql_file!(
    "../../sql/install/40_message.sql",
    name = "message",
    requires = ["own_identity"]
);
pgrx::extension_sql_file!(
    "../../sql/install/50_policy.sql",
    name = "policy",
    requires = ["message"]
);
pgrx::extension_sql_file!(
    "../../sql/install/51_mask.sql",
    name = "mask",
    requires = ["policy"]
);
pgrx::extension_sql_file!(
    "../../sql/install/52_exemption.sql",
    name = "exemption",
    requires = ["mask"]
);
pgrx::extension_sql_file!(
    "../../sql/install/53_plain_code.sql",
    name = "plain_code",
    requires = ["exemption"]
);
pgrx::extension_sql_file!(
    "../../sql/install/55_policy_version.sql",
    name = "policy_version",
    requires = ["plain_code"]
);
pgrx::extension_sql_file!(
    "../../sql/install/56_hierarchy.sql",
    name = "hierarchy",
    requires = ["policy_version"]
);
pgrx::extension_sql_file!(
    "../../sql/install/57_task.sql",
    name = "task",
    requires = ["hierarchy"]
);
pgrx::extension_sql_file!(
    "../../sql/install/58_trail.sql",
    name = "trail",
    requires = ["task"]
);
pgrx::extension_sql_file!(
    "../../sql/install/59_audit_policy.sql",
    name = "audit_policy",
    requires = ["trail"]
);
pgrx::extension_sql_file!(
    "../../sql/install/60_purge.sql",
    name = "purge",
    requires = ["audit_policy"]
);
pgrx::extension_sql_file!(
    "../../sql/install/61_load.sql",
    name = "load",
    requires = ["purge"]
);
pgrx::extension_sql_file!(
    "../../sql/install/62_policy_store.sql",
    name = "policy_store",
    requires = ["load"]
);
pgrx::extension_sql_file!(
    "../../sql/install/63_sealed_column.sql",
    name = "sealed_column",
    requires = ["policy_store"]
);
pgrx::extension_sql_file!(
    "../../sql/install/64_personal_data.sql",
    name = "personal_data",
    requires = ["sealed_column"]
);
pgrx::extension_sql_file!(
    "../../sql/install/70_dbms_session.sql",
    name = "dbms_session",
    requires = ["personal_data"]
);
pgrx::extension_sql_file!(
    "../../sql/install/71_dbms_rls.sql",
    name = "dbms_rls",
    requires = ["dbms_session"]
);
pgrx::extension_sql_file!(
    "../../sql/install/72_dbms_fga.sql",
    name = "dbms_fga",
    requires = ["dbms_rls"]
);
pgrx::extension_sql_file!(
    "../../sql/install/80_statistics.sql",
    name = "statistics",
    requires = ["dbms_fga"]
);
pgrx::extension_sql_file!(
    "../../sql/install/81_dictionary.sql",
    name = "dictionary",
    requires = ["statistics"]
);
pgrx::extension_sql_file!(
    "../../sql/install/82_posture.sql",
    name = "posture",
    requires = ["dictionary"]
);
pgrx::extension_sql_file!(
    "../../sql/install/83_explain.sql",
    name = "explain",
    requires = ["posture"]
);
pgrx::extension_sql_file!(
    "../../sql/install/84_private_table.sql",
    name = "private_table",
    requires = ["explain"]
);
pgrx::extension_sql_file!(
    "../../sql/install/85_follow_ddl.sql",
    name = "follow_ddl",
    requires = ["private_table"]
);
pgrx::extension_sql_file!(
    "../../sql/install/87_replication.sql",
    name = "replication",
    requires = ["follow_ddl"]
);
pgrx::extension_sql_file!(
    "../../sql/install/88_view_column.sql",
    name = "view_column",
    requires = ["replication"]
);
pgrx::extension_sql_file!(
    "../../sql/install/90_profile.sql",
    name = "profile",
    requires = ["view_column"],
    finalize
);
