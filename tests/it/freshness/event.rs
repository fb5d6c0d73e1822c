//! The events: everything that changes what a reader answers.

/// Where something happens.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// On a connection of the security administrator, while the transaction is open.
    Elsewhere,
    /// By a superuser, as `Elsewhere`.
    ByHand,
    /// As `Elsewhere`, between two transactions of the connection: it waits for the tables, or is followed with the next lock.
    Between,
    /// On the connection itself, until the transaction ends.
    Own,
    /// Nowhere: time passes until the moment of a number in the table of moments is over.
    Later,
    /// In a new transaction, with the session of this user or, without a name, of none.
    Attach,
}

/// Something that happens, and what it is.
pub type Event = (Place, &'static str);

use Place::{Attach, Between, ByHand, Elsewhere, Later, Own};

/// Columns of the table, in the order in which they happen.
pub const EVENTS: &[Event] = &[
    (
        Elsewhere,
        "SELECT vpd.grant_authority('role:Reader', 'user:alice')",
    ),
    (
        Elsewhere,
        "SELECT vpd.grant_authority('role:Clerk', 'user:alice')",
    ),
    (
        Elsewhere,
        "SELECT vpd.revoke_authority('privilege:read', 'role:Reader')",
    ),
    (
        Elsewhere,
        "SELECT vpd.grant_authority('privilege:read', 'role:Reader')",
    ),
    (Elsewhere, "SELECT vpd.enable_authority('role:Reader', false)"),
    (Elsewhere, "SELECT vpd.enable_authority('role:Reader', true)"),
    (Elsewhere, "SELECT vpd.define_user('carol', manager => 'alice')"),
    (Elsewhere, "SELECT vpd.define_user('carol', manager => 'bob')"),
    // Hierarchies.
    (Elsewhere, "SELECT vpd.grant_node('some', 'places', 'north')"),
    (Elsewhere, "SELECT vpd.move_node('places', 'city', 'north')"),
    (Elsewhere, "SELECT vpd.move_node('places', 'city', 'south')"),
    (Elsewhere, "SELECT vpd.revoke_node('some', 'places', 'north')"),
    (
        Elsewhere,
        "SELECT vpd.set_hierarchy_mode('places', 'open', 'a test')",
    ),
    (
        Elsewhere,
        "SELECT vpd.set_hierarchy_mode('places', 'closed', 'a test')",
    ),
    (Elsewhere, "SELECT vpd.exempt_app('portal', 'a test', 'places')"),
    (
        Elsewhere,
        "SELECT vpd.revoke_app_exemption('portal', 'a test', 'places')",
    ),
    (Elsewhere, "SELECT vpd.grant_node('some', 'places', 'world')"),
    (Elsewhere, "SELECT vpd.drop_node('places', 'city')"),
    (Elsewhere, "SELECT vpd.define_node('places', 'city', 'south')"),
    (
        Elsewhere,
        "SELECT vpd.define_hierarchy('places', '{globe,area,town}')",
    ),
    (
        Elsewhere,
        "SELECT vpd.define_hierarchy('places', '{globe,part,town}')",
    ),
    (
        Elsewhere,
        "SELECT vpd.revoke_authority('data_group:some', 'user:alice')",
    ),
    (
        Elsewhere,
        "SELECT vpd.grant_authority('data_group:some', 'user:alice')",
    ),
    (Elsewhere, "SELECT vpd.revoke_node('some', 'places', 'world')"),
    (
        ByHand,
        "UPDATE vpd_private.hierarchy SET mode = 'open' WHERE name = 'places'",
    ),
    (
        ByHand,
        "UPDATE vpd_private.hierarchy SET mode = 'closed' WHERE name = 'places'",
    ),
    // Times. Only one of them comes while a cell is asked.
    (
        Elsewhere,
        "SELECT vpd.grant_node('some', 'places', 'world', valid_from => clock_timestamp() + interval '2 s')",
    ),
    (Later, "2.1"),
    (Elsewhere, "SELECT vpd.revoke_node('some', 'places', 'world')"),
    (
        Elsewhere,
        "SELECT vpd.grant_node('some', 'places', 'world', valid_until => clock_timestamp() + interval '2 s')",
    ),
    (Later, "2.1"),
    (
        Elsewhere,
        "SELECT vpd.revoke_authority('role:Clerk', 'user:alice')",
    ),
    (
        Elsewhere,
        "SELECT vpd.grant_authority('role:Clerk', 'user:alice', valid_from => clock_timestamp() + interval '2 s')",
    ),
    (Later, "2.1"),
    (
        Elsewhere,
        "SELECT vpd.revoke_authority('role:Clerk', 'user:alice')",
    ),
    (
        Elsewhere,
        "SELECT vpd.grant_authority('role:Clerk', 'user:alice', valid_until => clock_timestamp() + interval '2 s')",
    ),
    (Later, "2.1"),
    // Tasks.
    (
        Elsewhere,
        "SELECT vpd.define_task_action('job', 'do', '{assignee}')",
    ),
    (Elsewhere, "SELECT vpd.define_task_action('job', 'do', '{owner}')"),
    (Elsewhere, "SELECT vpd.define_task_content('job', 'note', '{}')"),
    (
        Elsewhere,
        "SELECT vpd.define_task_content('job', 'note', '{owner}')",
    ),
    // Values of contexts, and the contexts themselves.
    (Elsewhere, "shared 1"),
    (Elsewhere, "shared 2"),
    (
        Own,
        "CALL shop.work('CALL dbms_session.set_context(''own'', ''a'', ''1'')')",
    ),
    (
        Own,
        "CALL shop.work('CALL dbms_session.set_context(''own'', ''a'', ''2'')')",
    ),
    (Between, "SELECT vpd.drop_context('own')"),
    (Between, "SELECT vpd.create_context('own', 'shop.work')"),
    (Own, "CALL shop.work('CALL dbms_session.set_identifier(''c7'')')"),
    // What is a matter of the connection.
    (Own, "SET LOCAL application_name = 'other'"),
    (Own, "SET LOCAL application_name = 'none'"),
    (Own, "SET LOCAL ROLE app_twin"),
    (Own, "SET LOCAL ROLE app_user"),
    // The session itself.
    (Own, "SELECT vpd.set_audit_identity('somebody')"),
    (Own, "SELECT vpd.assume_role('Reader')"),
    (Attach, "alice"),
    (Attach, "bob"),
    (Attach, "behalf"),
    (Attach, "alice"),
    (
        Between,
        r#"UPDATE vpd_private.session SET attributes = '{"app": {"region": "West"}}' WHERE user_name = 'alice'"#,
    ),
    (Attach, "alice"),
    (Own, "SELECT vpd.attach_anonymous()"),
    (Own, "SELECT vpd.detach_session()"),
    (Attach, "alice"),
    // Policies that do not apply, masks, rules, names.
    (Between, "SELECT vpd.grant_exempt('app_user', 'a test')"),
    (Elsewhere, "SELECT vpd.revoke_exempt('app_user')"),
    (Between, "SELECT vpd.enable_mask('shop.some', 'value', false)"),
    (Between, "SELECT vpd.enable_mask('shop.some', 'value')"),
    (ByHand, "SELECT vpd.erase_pseudonym('alice')"),
    (
        Elsewhere,
        "SELECT vpd.revoke_authority('role:Reader', 'user:alice')",
    ),
];
