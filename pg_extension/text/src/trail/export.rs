//! An exported trail: lines of JSON, first where it begins, then records and checkpoints in their order.
//!
//! Invariant: a line that is read says all that was hashed; what is missing in it is missing in the hash too.

use super::{Chain, Digest, Entry, Fault, Link, Person, checkpoint_text};
use crate::identity::Key;
use serde_json::{Map, Value};

/// What came of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Behind which record it begins.
    pub begins_behind: i64,
    /// Records that are as they were written.
    pub records: i64,
    /// Those among them whose personal part was erased: nobody can tell what stood there.
    pub erased: i64,
    /// Checkpoints that one of the keys signed.
    pub checkpoints: i64,
    /// The last record that such a checkpoint is over.
    pub signed_up_to: Option<i64>,
}

/// A file that is gone through, line by line.
#[derive(Debug)]
pub struct Verification<'a> {
    keys: &'a [Key],
    chain: Option<Chain>,
    verified: Verified,
}

impl<'a> Verification<'a> {
    /// Begins, with the keys that checkpoints may be signed by.
    #[must_use]
    pub fn with(keys: &'a [Key]) -> Self {
        Self {
            keys,
            chain: None,
            verified: Verified::default(),
        }
    }

    /// Goes past a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn line(&mut self, line: &str) -> Result<(), String> {
        let document: Value =
            serde_json::from_str(line).map_err(|error| format!("it is no JSON: {error}"))?;
        let (kind, members) = document
            .as_object()
            .and_then(|outer| outer.iter().next())
            .and_then(|(kind, inner)| Some((kind.as_str(), inner.as_object()?)))
            .ok_or("it is no line of an exported trail")?;
        match (kind, &mut self.chain) {
            ("begin", None) => {
                self.verified.begins_behind = number(members, "sequence")?.ok_or("it has no sequence")?;
                self.chain = Some(Chain::behind(
                    self.verified.begins_behind,
                    digest(members, "hash")?,
                ));
                Ok(())
            }
            (_, None) => Err("the file does not begin with where the trail begins".to_owned()),
            ("record", Some(chain)) => {
                let record = Record::read(members)?;
                record.follow(chain)?;
                self.verified.records += 1;
                self.verified.erased += i64::from(record.salt.is_none());
                Ok(())
            }
            ("checkpoint", Some(_)) => self.checkpoint(members),
            _ => Err(format!("there is no line of the kind \"{kind}\" here")),
        }
    }

    fn checkpoint(&mut self, members: &Map<String, Value>) -> Result<(), String> {
        let sequence = number(members, "sequence")?.ok_or("it has no sequence")?;
        let hash = digest(members, "hash")?;
        let made_at = number(members, "made_at")?.ok_or("it has no time")?;
        let kid = text(members, "kid")?.ok_or("it names no key")?;
        let signature = bytes(members, "signature")?.ok_or("it has no signature")?;
        if self
            .chain
            .is_none_or(|chain| chain.sequence() != sequence || *chain.hash() != hash)
        {
            return Err(format!(
                "checkpoint of record {sequence}: another record was signed"
            ));
        }
        let Some(key) = self.keys.iter().find(|key| key.id() == kid) else {
            return Ok(());
        };
        if !key.verifies_bytes(&checkpoint_text(sequence, &hash, made_at), &signature) {
            return Err(format!(
                "checkpoint of record {sequence}: the signature does not match"
            ));
        }
        self.verified.checkpoints += 1;
        self.verified.signed_up_to = Some(sequence);
        Ok(())
    }

    /// The end of the file.
    ///
    /// # Errors
    /// There was nothing in it.
    pub fn end(self) -> Result<Verified, String> {
        match self.chain {
            Some(_) => Ok(self.verified),
            None => Err("there is no trail in it".to_owned()),
        }
    }
}

/// A record, as a line has it.
struct Record<'a> {
    sequence: i64,
    entry: Entry<'a>,
    salt: Option<Vec<u8>>,
    personal: Vec<u8>,
    hash: Vec<u8>,
}

impl<'a> Record<'a> {
    fn read(members: &'a Map<String, Value>) -> Result<Self, String> {
        let needed = |name: &str| text(members, name)?.ok_or(format!("it has no {name}"));
        Ok(Self {
            sequence: number(members, "sequence")?.ok_or("it has no sequence")?,
            entry: Entry {
                recorded_at: number(members, "recorded_at")?.ok_or("it has no time")?,
                event: needed("event")?,
                verdict: needed("verdict")?,
                code: text(members, "code")?,
                database_role: needed("database_role")?,
                process_id: number(members, "process_id")?,
                session_id: text(members, "session_id")?,
                app: text(members, "app")?,
                relation: text(members, "relation")?,
                command: text(members, "command")?,
                statement_id: number(members, "statement_id")?,
                row_count: number(members, "row_count")?,
                transaction_id: number(members, "transaction_id")?,
                predicates: text(members, "predicates")?,
                person: Person {
                    user_name: text(members, "user_name")?,
                    actors: text(members, "actors")?,
                    audit_identity: text(members, "audit_identity")?,
                    client_address: text(members, "client_address")?,
                    statement: text(members, "statement")?,
                    details: text(members, "details")?,
                },
            },
            salt: bytes(members, "salt")?,
            personal: bytes(members, "personal_hash")?.unwrap_or_default(),
            hash: bytes(members, "hash")?.unwrap_or_default(),
        })
    }

    fn follow(&self, chain: &mut Chain) -> Result<(), String> {
        let link = Link {
            sequence: self.sequence,
            entry: self.entry,
            salt: self.salt.as_deref(),
            personal: &self.personal,
            hash: &self.hash,
        };
        chain.follow(&link).map_err(|fault| {
            let what = match fault {
                Fault::Sequence => "it does not follow the record before",
                Fault::Personal => "its personal part is not what was written",
                Fault::Hash => "it is not what was written",
            };
            format!("record {}: {what}", self.sequence)
        })
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is no text")),
    }
}

fn number(members: &Map<String, Value>, name: &str) -> Result<Option<i64>, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or(format!("{name} is no number")),
    }
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(text) = text(members, name)? else {
        return Ok(None);
    };
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(Some(
            digits
                .chunks_exact(2)
                .map(|pair| pair[0] << 4 | pair[1])
                .collect(),
        )),
        _ => Err(format!("{name} is not written in hexadecimal")),
    }
}

fn digest(members: &Map<String, Value>, name: &str) -> Result<Digest, String> {
    bytes(members, name)?
        .and_then(|bytes| Digest::try_from(bytes).ok())
        .ok_or(format!("{name} is no hash"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Signer;
    use crate::trail::{hex, personal_digest};
    use serde_json::json;

    /// A trail of two records, and a checkpoint over the second.
    fn exported(signer: &Signer) -> Vec<Value> {
        let entry = Entry {
            event: "denied",
            verdict: "42501",
            database_role: "app",
            ..Entry::default()
        };
        let personal = personal_digest(b"salt", &entry.person);
        let mut chain = Chain::behind(0, [0; 32]);
        let mut lines = vec![json!({"begin": {"sequence": 0, "hash": hex(&[0; 32])}})];
        for _ in 0..2 {
            let (sequence, hash) = chain.append(&entry, &personal);
            lines.push(json!({"record": {
                "sequence": sequence, "recorded_at": 0, "event": "denied", "verdict": "42501", "database_role": "app",
                "salt": hex(b"salt"), "personal_hash": hex(&personal), "hash": hex(&hash),
            }}));
        }
        let signature = signer.sign(&checkpoint_text(2, chain.hash(), 5)).unwrap();
        lines.push(json!({"checkpoint": {
            "sequence": 2, "hash": hex(chain.hash()), "made_at": 5, "kid": signer.public().id(), "signature": hex(&signature),
        }}));
        lines
    }

    fn verified(lines: &[Value], keys: &[Key]) -> Result<Verified, String> {
        let mut verification = Verification::with(keys);
        for line in lines {
            verification.line(&line.to_string())?;
        }
        verification.end()
    }

    fn key(signer: &Signer) -> Key {
        Key::read(&signer.public().document()).unwrap()
    }

    #[test]
    fn an_export_is_whole_until_a_member_is_changed() {
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let lines = exported(&signer);
        let whole = verified(&lines, &[key(&signer)]).unwrap();
        assert_eq!(
            (whole.records, whole.checkpoints, whole.signed_up_to),
            (2, 1, Some(2))
        );
        assert_eq!(verified(&lines, &[]).unwrap().checkpoints, 0);
        for (place, line) in lines.iter().enumerate().skip(1) {
            let (kind, members) = line.as_object().unwrap().iter().next().unwrap();
            for name in members.as_object().unwrap().keys() {
                let mut changed = lines.clone();
                let member = &mut changed[place][kind][name];
                *member = match member.as_str() {
                    Some(text) => json!(format!("{text}00")),
                    None => json!(member.as_i64().unwrap() + 1),
                };
                let found = verified(&changed, &[key(&signer)]);
                let is_of_other_key =
                    name == "kid" && found.as_ref().is_ok_and(|found| found.checkpoints == 0);
                assert!(found.is_err() || is_of_other_key, "{kind} {name}");
            }
            let mut erased = lines.clone();
            if let Some(members) = erased[place][kind].as_object_mut()
                && members.remove("salt").is_some()
            {
                assert_eq!(verified(&erased, &[]).unwrap().erased, 1);
            }
            let mut shorter = lines.clone();
            shorter.remove(place);
            let found = verified(&shorter, &[key(&signer)]);
            assert!(found.is_err() || kind == "checkpoint", "{place}");
        }
        assert!(verified(&[], &[]).is_err());
        assert!(verified(&lines[1..], &[]).is_err());
    }
}
