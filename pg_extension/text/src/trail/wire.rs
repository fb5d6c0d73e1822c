//! How a record travels from whoever makes it to the one that writes it: fields in their order, each behind its length.
//!
//! Invariant: what was encoded is read back as it was; anything else is nothing.

use super::{Entry, Person};

/// The length that stands for a field which is not there.
const MISSING: u32 = u32::MAX;

/// Appends a record to bytes.
pub fn encode(entry: &Entry<'_>, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&entry.recorded_at.to_le_bytes());
    for number in [
        entry.process_id,
        entry.statement_id,
        entry.row_count,
        entry.transaction_id,
    ] {
        bytes.push(u8::from(number.is_some()));
        bytes.extend_from_slice(&number.unwrap_or_default().to_le_bytes());
    }
    for text in texts(entry) {
        let length = text.map_or(MISSING, |text| u32::try_from(text.len()).unwrap_or(MISSING));
        bytes.extend_from_slice(&length.to_le_bytes());
        if length != MISSING {
            bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
    }
}

fn texts<'a>(entry: &Entry<'a>) -> [Option<&'a str>; 15] {
    let person = &entry.person;
    [
        Some(entry.event),
        Some(entry.verdict),
        Some(entry.database_role),
        entry.code,
        entry.session_id,
        entry.app,
        entry.relation,
        entry.command,
        entry.predicates,
        person.user_name,
        person.actors,
        person.audit_identity,
        person.client_address,
        person.statement,
        person.details,
    ]
}

/// Reads a record; `None` when the bytes are none.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Entry<'_>> {
    let mut rest = Rest(bytes);
    let entry = Entry {
        recorded_at: rest.number()?,
        process_id: rest.optional_number()?,
        statement_id: rest.optional_number()?,
        row_count: rest.optional_number()?,
        transaction_id: rest.optional_number()?,
        event: rest.text()??,
        verdict: rest.text()??,
        database_role: rest.text()??,
        code: rest.text()?,
        session_id: rest.text()?,
        app: rest.text()?,
        relation: rest.text()?,
        command: rest.text()?,
        predicates: rest.text()?,
        person: Person {
            user_name: rest.text()?,
            actors: rest.text()?,
            audit_identity: rest.text()?,
            client_address: rest.text()?,
            statement: rest.text()?,
            details: rest.text()?,
        },
    };
    rest.0.is_empty().then_some(entry)
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn optional_number(&mut self) -> Option<Option<i64>> {
        let is_there = match self.take(1)? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let number = self.number()?;
        (is_there || number == 0).then_some(is_there.then_some(number))
    }

    fn text(&mut self) -> Option<Option<&'a str>> {
        let length = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
        if length == MISSING {
            return Some(None);
        }
        let text = self.take(usize::try_from(length).ok()?)?;
        Some(Some(std::str::from_utf8(text).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_read_back() {
        let entry = Entry {
            recorded_at: -5,
            event: "denied",
            verdict: "42501",
            code: Some("privilege_missing"),
            database_role: "",
            process_id: Some(i64::MIN),
            row_count: Some(0),
            relation: Some("shop.Ärger"),
            person: Person {
                details: Some("{}"),
                ..Person::default()
            },
            ..Entry::default()
        };
        let mut bytes = Vec::new();
        encode(&entry, &mut bytes);
        assert_eq!(decode(&bytes), Some(entry));
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "{length}");
        }
        bytes.push(0);
        assert_eq!(decode(&bytes), None);
    }
}
