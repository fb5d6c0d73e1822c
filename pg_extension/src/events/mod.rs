//! The timetable: for each event of the server, which rooms are told, in which order, and why in that order; for each question of a hook, who answers.
//!
//! Not here: what any of them does. Invariant: `sys`, `authz` and `context` name nobody above them, and reach them through the tables filled here.

mod change;
mod replicated;
mod session;
mod statement;
mod transaction;

pub use replicated::rows_replicated;

use crate::authz::Outside;
use crate::context::Keepers;
use crate::hierarchy::{self, Hierarchy};
use crate::sys::table::{
    Audit, Change, Commands, Node, Policy, Purge, Row, Sealing, Session, Statement, Table, Trail,
    Transaction, fill,
};
use crate::{access, audit, authz, context, personal, policy, purge, sealing, signing, trail};

/// Wires the rooms together, when the library is loaded.
pub fn init() {
    wire_server();
    trail::set_outside(trail::Outside {
        subject: session::subject,
    });
    context::set_keepers(Keepers {
        standing_changed: session::standing_changed,
        plans_mixed: policy::plans_mixed,
        follow_definitions: session::follow_definitions,
        liveness: crate::session::liveness,
    });
    authz::set_outside(Outside {
        author: session::author,
        user_lost: session::user_lost,
    });
}

/// What `sys` tells and asks.
fn wire_server() {
    fill(Table {
        statement: Statement {
            starts: statement::starts,
            runs: statement::runs,
            ran: context::may_keep_rows,
            starts_in_worker: access::starts_in_worker,
            commanded: access::commanded,
            commanded_type: access::commanded_type,
            finishes: access::enters,
            finished: access::left,
            paused: access::ran,
            ends: statement::ends,
            is_any_recorded: || access::is_any() || sealing::is_any(),
            copies: statement::copies,
            copied: statement::copied,
            command_starts: statement::command_starts,
        },
        transaction: Transaction {
            commits: transaction::commits,
            committed: transaction::committed,
            rolled_back: transaction::rolled_back,
            may_be_prepared: transaction::may_be_prepared,
            prepared: transaction::prepared,
            savepoint_released: transaction::savepoint_released,
            savepoint_rolled_back: transaction::savepoint_rolled_back,
            discarded: transaction::over,
        },
        change: Change {
            relation: change::relation,
            looked_up: change::looked_up,
            function: change::function,
            columns_change: change::columns_change,
            columns_changed: policy::column::check_moved,
            column_added: policy::reach::check_column,
            joined: change::joined,
            forced: policy::reach::close_forced,
            reader_made: policy::reach::check_reader,
            owner_changed: policy::reach::check_readers_of,
            published: policy::reach::check_publication,
            defence_taken: policy::reach::warn_of_missing_defences,
            native_policy: policy::reach::warn_of_native_policy,
            extension_dropped: policy::unprotect_all,
            rows_restored: change::rows_restored,
        },
        command: Commands {
            create_index: policy::require_index_allowed,
            truncate: change::truncates,
            add_partition: policy::reach::check_partition_key,
            convert_type: policy::reach::check_type,
            rename_in_type: policy::reach::check_names_of_type,
            read_store: policy::reach::refuse_reading_store,
            reach_secret: signing::refuse_secret,
        },
        policy: Policy {
            is_protected: policy::is_protected,
            is_open: policy::is_open,
            restrictions: policy::restrictions,
            has_masks: policy::mask::is_any,
            masks: policy::mask::masks_in_force,
            sealed_masks: policy::mask::sealed_masks_in_force,
            has_guard: policy::reach::has_guard,
            has_trigger: policy::reach::has_trigger,
            is_own_trigger: policy::reach::is_own_trigger,
        },
        session: Session {
            is_attached: context::is_attached,
            may_hold_cursor: context::may_hold_cursor,
            may_keep_temporary_table: context::may_keep_temporary_table,
            without: |work| context::without_session(work),
            attribute: context::read,
            attributes_rest_on: context::attributes_rest_on,
            may_trust: session::may_trust,
            is_known_to_trust_none: session::is_known_to_trust_none,
            trusts_none: session::trusts_none,
        },
        node: Node {
            find: |name| hierarchy::find(name).map(Hierarchy::number),
            sees: |number, key| hierarchy::sees(Hierarchy::of_number(number), key),
            share: |number| hierarchy::share(Hierarchy::of_number(number)),
            visible_keys: |number| hierarchy::visible_keys(Hierarchy::of_number(number)),
            note_plan: |number, is_few| hierarchy::note_plan(Hierarchy::of_number(number), is_few),
        },
        row: Row {
            before: audit::before_row,
            after: audit::after_row,
            about_person: personal::before_row,
        },
        trail: Trail {
            write: trail::write,
            seal: trail::seal,
            refused: trail::refused,
            failed: trail::failed,
            changed: trail::changed,
        },
        audit: Audit {
            has_conditions: access::has_conditions,
            watched: access::watched,
            condition: access::condition,
            is_waiting: access::is_waiting,
            met: access::met,
        },
        sealing: Sealing {
            is_any: sealing::is_any,
            envelope: sealing::envelope,
            taken: sealing::taken,
            sealed: sealing::sealed,
            shown: sealing::shown,
            opened: sealing::opened,
            version: sealing::version,
            renewed: sealing::renewed,
            is_about: sealing::require_about,
            differs: sealing::differs,
            opened_in_column: sealing::opened_in_column,
            may_be_stored: personal::may_be_stored,
            held: sealing::hold,
            coerced: sealing::coerced,
            tagged: sealing::tagged,
            sought: sealing::sought,
            comparable: sealing::comparable,
            order: sealing::order,
            sorted: sealing::sorted,
            hashed: sealing::hashed,
            mask: sealing::mask_value,
            rewritable: sealing::rewritable,
            modifier: sealing::modifier,
            modifier_text: sealing::modifier_text,
            new_place: sealing::new_place,
            is_per_person: sealing::is_per_person,
        },
        purge: Purge {
            interval: purge::interval_seconds,
            batch: purge::run_batch,
            next_asked: personal::next_asked,
            of_asked: personal::batch_of_asked,
            ended: |started_at, batches, counts| purge::log_run("purge", started_at, batches, counts),
        },
    });
}
