//! The canonical form: every field in its order, as a netstring, with a sign of its own for what is missing. Two records have the same form only when they are
//! the same.

use super::{Entry, Person};
use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Digest = [u8; 32];

/// What keeps the hashes of other things from being taken for those of records.
const RECORD: &[u8] = b"pg_vpd audit record 1";
const PERSON: &[u8] = b"pg_vpd audit person 1";

/// The hash of the personal part.
#[must_use]
pub fn personal_digest(salt: &[u8], person: &Person<'_>) -> Digest {
    let mut form = Form(Sha256::new());
    form.bytes(PERSON);
    form.bytes(salt);
    for field in [
        person.user_name,
        person.actors,
        person.audit_identity,
        person.client_address,
        person.statement,
        person.details,
    ] {
        form.text(field);
    }
    form.0.finalize().into()
}

/// The hash of a record, which stands for all before it too.
#[must_use]
pub fn link(previous: &Digest, sequence: i64, entry: &Entry<'_>, personal: &Digest) -> Digest {
    let mut form = Form(Sha256::new());
    form.bytes(RECORD);
    form.bytes(previous);
    form.number(Some(sequence));
    form.number(Some(entry.recorded_at));
    form.text(Some(entry.event));
    form.text(Some(entry.verdict));
    form.text(entry.code);
    form.text(Some(entry.database_role));
    form.number(entry.process_id);
    form.text(entry.session_id);
    form.text(entry.app);
    form.text(entry.relation);
    form.text(entry.command);
    form.number(entry.statement_id);
    form.number(entry.row_count);
    form.number(entry.transaction_id);
    form.text(entry.predicates);
    form.bytes(personal);
    form.0.finalize().into()
}

/// A hash in the making.
struct Form(Sha256);

impl Form {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(format!("{}:", bytes.len()));
        self.0.update(bytes);
        self.0.update(b",");
    }

    fn text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.bytes(text.as_bytes()),
            None => self.0.update(b"-,"),
        }
    }

    fn number(&mut self, number: Option<i64>) {
        self.text(number.map(|number| number.to_string()).as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'_> = Entry {
        recorded_at: 7,
        event: "session.created",
        verdict: "ok",
        code: None,
        database_role: "app",
        process_id: Some(1),
        session_id: Some("s"),
        app: Some("portal"),
        relation: None,
        command: None,
        statement_id: None,
        row_count: None,
        transaction_id: None,
        predicates: None,
        person: Person {
            user_name: Some("alice"),
            actors: None,
            audit_identity: None,
            client_address: None,
            statement: None,
            details: None,
        },
    };

    /// The forms are written down for whoever verifies without this code.
    #[test]
    fn hashes_are_those_of_the_written_form() {
        let salt = [1_u8; 16];
        let mut form = b"21:pg_vpd audit person 1,16:".to_vec();
        form.extend_from_slice(&salt);
        form.extend_from_slice(b",5:alice,-,-,-,-,-,");
        let personal = personal_digest(&salt, &ENTRY.person);
        assert_eq!(personal, Digest::from(Sha256::digest(&form)));
        let mut form = b"21:pg_vpd audit record 1,32:".to_vec();
        form.extend_from_slice(&[9; 32]);
        form.extend_from_slice(b",1:5,1:7,15:session.created,2:ok,-,3:app,1:1,1:s,6:portal,-,-,-,-,-,-,32:");
        form.extend_from_slice(&personal);
        form.extend_from_slice(b",");
        assert_eq!(
            link(&[9; 32], 5, &ENTRY, &personal),
            Digest::from(Sha256::digest(&form))
        );
    }

    #[test]
    fn every_field_counts() {
        let personal = personal_digest(b"salt", &ENTRY.person);
        let whole = link(&[0; 32], 1, &ENTRY, &personal);
        let others = [
            Entry {
                recorded_at: 8,
                ..ENTRY
            },
            Entry {
                event: "session.ended",
                ..ENTRY
            },
            Entry {
                verdict: "42501",
                ..ENTRY
            },
            Entry {
                code: Some(""),
                ..ENTRY
            },
            Entry {
                database_role: "ap",
                ..ENTRY
            },
            Entry {
                process_id: None,
                ..ENTRY
            },
            Entry {
                session_id: None,
                ..ENTRY
            },
            Entry { app: None, ..ENTRY },
            Entry {
                relation: Some("r"),
                ..ENTRY
            },
            Entry {
                command: Some("r"),
                ..ENTRY
            },
            Entry {
                statement_id: Some(0),
                ..ENTRY
            },
            Entry {
                row_count: Some(0),
                ..ENTRY
            },
            Entry {
                transaction_id: Some(0),
                ..ENTRY
            },
            Entry {
                predicates: Some("[]"),
                ..ENTRY
            },
        ];
        for other in others {
            assert_ne!(link(&[0; 32], 1, &other, &personal), whole, "{other:?}");
        }
        assert_ne!(link(&[0; 32], 2, &ENTRY, &personal), whole);
        assert_ne!(link(&[1; 32], 1, &ENTRY, &personal), whole);
        assert_ne!(link(&[0; 32], 1, &ENTRY, &[0; 32]), whole);
        assert_ne!(personal_digest(b"pepper", &ENTRY.person), personal);
        for other in [
            Person {
                user_name: None,
                ..ENTRY.person
            },
            Person {
                actors: Some("[]"),
                ..ENTRY.person
            },
            Person {
                audit_identity: Some("a"),
                ..ENTRY.person
            },
            Person {
                client_address: Some("a"),
                ..ENTRY.person
            },
            Person {
                statement: Some("a"),
                ..ENTRY.person
            },
            Person {
                details: Some("a"),
                ..ENTRY.person
            },
        ] {
            assert_ne!(personal_digest(b"salt", &other), personal, "{other:?}");
        }
    }
}
