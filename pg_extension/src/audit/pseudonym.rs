//! Names for audit columns that only one table can take back to a person, and consent to write the person's own name.

use crate::authz::change;
use crate::error::{Error, Result};
use crate::sys::random;
use crate::sys::spi::{arg, statements};
use crate::trail;
use std::cell::RefCell;
use std::collections::HashMap;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const LENGTH: usize = 26;
const MAX_NAME_BYTES: usize = 256;

statements! {
    PSEUDONYM = "audit/pseudonym.sql";
    PSEUDONYMS = "audit/pseudonyms.sql";
    MAKE = "audit/make_pseudonym.sql";
    ERASE = scanning "audit/erase_pseudonym.sql";
    KEEP_ERASED = "audit/keep_erased.sql";
    OWNER = "audit/pseudonym_owner.sql";
    IS_ERASED = "audit/is_erased.sql";
    RECORD_CONSENT = "audit/record_consent.sql";
    HAS_CONSENT = "audit/has_consent.sql";
}

thread_local! {
    /// What stands for persons in this transaction.
    static WRITTEN: RefCell<HashMap<(Identification, String), String>> = RefCell::new(HashMap::new());
}

/// What is written for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identification {
    Name,
    Pseudonym,
    /// The name of who has consented, the pseudonym of others.
    Consent,
}

impl Identification {
    /// Reads it.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "name" => Ok(Self::Name),
            "pseudonym" => Ok(Self::Pseudonym),
            "consent" => Ok(Self::Consent),
            _ => Err(Error::argument(
                "this is no way to identify persons",
                "Use name, pseudonym or consent.",
            )),
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Pseudonym => "pseudonym",
            Self::Consent => "consent",
        }
    }

    /// What stands for a user in audit columns.
    pub fn of(self, user: &str) -> Result<String> {
        match self {
            Self::Name => Ok(user.to_owned()),
            Self::Consent if has_consent(user) => Ok(user.to_owned()),
            Self::Consent | Self::Pseudonym => of_user(user),
        }
    }

    /// The same, looked up once in a transaction.
    pub fn written(self, user: &str) -> Result<String> {
        if self == Self::Name {
            return Ok(user.to_owned());
        }
        let key = (self, user.to_owned());
        if let Some(known) = WRITTEN.with_borrow(|written| written.get(&key).cloned()) {
            return Ok(known);
        }
        let text = self.of(user)?;
        WRITTEN.with_borrow_mut(|written| written.insert(key, text.clone()));
        Ok(text)
    }
}

/// What was written for persons may be another next time, and a pseudonym made since a savepoint goes with it.
pub fn forget_written() {
    WRITTEN.with_borrow_mut(HashMap::clear);
}

/// The pseudonym of a user, made when there is none.
pub fn of_user(user: &str) -> Result<String> {
    check_name(user)?;
    let find = || {
        PSEUDONYM
            .with(|statement| statement.query_one(&[arg(user)], |row| row.get::<String>(1)))
            .flatten()
    };
    if let Some(known) = find() {
        return Ok(known);
    }
    MAKE.with(|statement| Ok(statement.execute(&[arg(random_name()?), arg(user)])))?;
    // Somebody else may have made it at the same time; the index let one in.
    find().ok_or_else(|| Error::not_ready("no pseudonym could be made", "Try again."))
}

/// The pseudonyms that some users have.
pub fn of_users(users: &[String]) -> Vec<String> {
    PSEUDONYMS
        .with(|statement| statement.query(&[arg(users.to_vec())], |row| row.get::<String>(1)))
        .into_iter()
        .flatten()
        .collect()
}

/// True when the person behind one of the names was erased.
pub fn has_erased(names: &[String]) -> bool {
    IS_ERASED
        .with(|statement| statement.query_one(&[arg(names.to_vec())], |_| ()))
        .is_some()
}

/// Forgets who stands behind the pseudonym of a user, and puts it in the place of his name beside objects; false when there is nothing to forget.
pub fn erase(user: &str) -> Result<bool> {
    // Nobody has a longer name, and looking for it in every record would take long.
    if user.len() > 4 * MAX_NAME_BYTES {
        return Ok(false);
    }
    forget_written();
    let unknown = random_name()?;
    let args = [arg(user), arg(unknown.as_str())];
    let known = ERASE.with(|statement| statement.modify(&args, |row| row.get::<String>(1)));
    let known = known.into_iter().next();
    let is_known = known.is_some();
    let pseudonym = known.flatten().unwrap_or(unknown);
    let is_in_trail = trail::erase(user, &pseudonym)? > 0;
    if is_in_trail && !is_known {
        KEEP_ERASED.with(|statement| statement.execute(&[arg(pseudonym)]));
    }
    Ok(is_in_trail || is_known)
}

/// Who stands behind a pseudonym.
pub fn owner(pseudonym: &str) -> Option<String> {
    OWNER
        .with(|statement| statement.query_one(&[arg(pseudonym)], |row| row.get::<String>(1)))
        .flatten()
}

/// Writes down that a user gave or withdrew consent.
pub fn record_consent(user: &str, purpose: &str, is_given: bool) -> Result<()> {
    check_name(user)?;
    if purpose.is_empty() || purpose.len() > MAX_NAME_BYTES || purpose.chars().any(char::is_control) {
        return Err(Error::argument("this is no purpose", "Give 1 to 256 characters."));
    }
    forget_written();
    RECORD_CONSENT.with(|statement| {
        statement.execute(&[arg(user), arg(purpose), arg(is_given), arg(change::author())])
    });
    Ok(())
}

fn has_consent(user: &str) -> bool {
    HAS_CONSENT
        .with(|statement| statement.query_one(&[arg(user)], |row| row.get::<bool>(1)))
        .flatten()
        .unwrap_or(false)
}

fn check_name(user: &str) -> Result<()> {
    if user.trim().is_empty() || user.len() > 4 * MAX_NAME_BYTES || user.chars().any(char::is_control) {
        return Err(Error::argument(
            "this is no user name",
            "Give 1 to 256 characters.",
        ));
    }
    Ok(())
}

/// 26 letters of 32, 130 random bits.
fn random_name() -> Result<String> {
    let bytes = random::bytes()
        .ok_or_else(|| Error::not_ready("the server has no random numbers to give", "Try again."))?;
    let letters = bytes
        .iter()
        .take(LENGTH)
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter));
    Ok(std::iter::once('p')
        .chain(std::iter::once('_'))
        .chain(letters)
        .collect())
}
