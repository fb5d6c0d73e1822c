//! Something that happened, and how it gets into the ring.

use super::changes;
use super::outside::{Subject, subject};
use crate::error::shortened;
use crate::sys::{clock, connection, extension, is_ready, ring, user, xact};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use vpd_text::trail::{Entry, Person, encode};

/// Longest details, and longest name that a caller gave.
const MAX_DETAILS: usize = 16 * 1024;
const MAX_NAME: usize = 256;
/// Longest statement.
const MAX_STATEMENT: usize = 8 * 1024;

/// Whose session it is about, where the event does not name another.
#[derive(Debug, Clone, Copy, Default)]
pub enum Whose<'a> {
    /// The one that is attached now.
    #[default]
    Attached,
    /// The one that was attached when it began.
    Of(Option<&'a Subject>),
}

/// Something that happened. Whose session was attached is added where nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'a> {
    pub name: &'a str,
    pub whose: Whose<'a>,
    /// The SQLSTATE that it ended with; `ok` without one.
    pub verdict: Option<&'a str>,
    pub code: Option<&'a str>,
    pub session_id: Option<&'a str>,
    pub app: Option<&'a str>,
    pub user_name: Option<&'a str>,
    pub relation: Option<&'a str>,
    pub command: Option<&'a str>,
    pub statement_id: Option<i64>,
    /// The statement without its constants.
    pub statement: Option<&'a str>,
    pub row_count: Option<i64>,
    pub predicates: Option<&'a str>,
    pub details: Option<&'a Value>,
    /// Whether it is undone when the transaction, or the savepoint, is.
    pub is_change: bool,
}

/// What every record of a connection says.
#[derive(Clone)]
struct Client {
    role: String,
    address: Option<String>,
    process: i64,
}

thread_local! {
    static CLIENT: OnceCell<Client> = const { OnceCell::new() };
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Client {
    /// Looked up in the first record of the connection that may look at the catalogue.
    fn of_connection(known: &OnceCell<Self>) -> Cow<'_, Self> {
        if let Some(client) = known.get() {
            return Cow::Borrowed(client);
        }
        let process = i64::from(connection::process());
        if !xact::is_in_progress() {
            return Cow::Owned(Self {
                role: String::new(),
                address: None,
                process,
            });
        }
        Cow::Borrowed(known.get_or_init(|| Self {
            role: user::authenticated_name(),
            address: connection::client_address(),
            process,
        }))
    }
}

/// Looks who the client is while that can be looked up.
pub fn know_client() {
    CLIENT.with(|client| drop(Client::of_connection(client)));
}

/// Records an event; the number of its record in the ring. `None` where nothing is recorded, or there was no room.
pub fn record(event: &Event<'_>) -> Option<u64> {
    if !is_recording() {
        return None;
    }
    let details = event
        .details
        .map(|details| shortened(details.to_string(), MAX_DETAILS));
    let now = subject();
    let subject = match event.whose {
        Whose::Attached => now.as_deref(),
        Whose::Of(subject) => subject,
    };
    CLIENT.with(|client| {
        let client = Client::of_connection(client);
        // Of another than the attached session nothing is known but what the event says.
        let is_of_other = event.session_id.is_some() || event.user_name.is_some();
        let attached = subject.filter(|_| !is_of_other);
        let entry = Entry {
            recorded_at: clock::now().0,
            event: event.name,
            verdict: event.verdict.unwrap_or("ok"),
            code: event.code,
            database_role: &client.role,
            process_id: Some(client.process),
            session_id: event
                .session_id
                .or(attached.and_then(|subject| subject.session_id.as_deref())),
            app: event.app.or(attached.and_then(|subject| subject.app.as_deref())),
            relation: event.relation,
            command: event.command,
            statement_id: event.statement_id,
            row_count: event.row_count,
            transaction_id: xact::full_id().and_then(|id| i64::try_from(id).ok()),
            predicates: event.predicates,
            person: Person {
                user_name: event
                    .user_name
                    .or(attached.and_then(|subject| subject.user_name.as_deref())),
                actors: attached.and_then(|subject| subject.actors.as_deref()),
                audit_identity: attached.and_then(|subject| subject.audit_identity.as_deref()),
                client_address: client.address.as_deref(),
                statement: event.statement.map(|statement| cut(statement, MAX_STATEMENT)),
                details: details.as_deref(),
            },
        };
        BYTES.with_borrow_mut(|bytes| {
            bytes.clear();
            encode(&entry, bytes);
            if bytes.len() > ring::longest() {
                // What nobody expected to be so long is left away, and the record stays.
                let short = Entry {
                    predicates: None,
                    person: Person {
                        details: None,
                        statement: None,
                        ..entry.person
                    },
                    ..entry
                };
                bytes.clear();
                encode(&short, bytes);
            }
            let number = ring::append(bytes);
            if event.is_change {
                changes::note();
            }
            number
        })
    })
}

/// What a caller gave as a name, as far as it can be one.
pub fn shown_name(name: &str) -> &str {
    cut(name, MAX_NAME)
}

fn cut(text: &str, length: usize) -> &str {
    text.get(..text.floor_char_boundary(length)).unwrap_or_default()
}

/// Nothing is recorded where the library does not work, on a standby, and in databases without the extension. Where the catalogue cannot be looked at, what is
/// remembered counts.
fn is_recording() -> bool {
    is_ready()
        && !xact::is_standby()
        && if xact::is_in_progress() {
            extension::is_known()
        } else {
            extension::was_known()
        }
}
