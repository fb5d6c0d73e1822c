//! Values of the sealed types: what comes in, what goes out, what is equal.

use super::catalogue::{Hidden, Key};
use super::column::Modifier;
use super::envelope::{blind, form, key_of, malformed, normal, pass, passed, seal, unseal};
use super::person;
use super::provisional::NOBODY;
use super::seal::text_of;
use super::unsealed;
use super::visibility::{Sight, require_open, sight};
use crate::error::{Error, Result};
use crate::sys::{secret, user};
use std::cmp::Ordering;
use std::rc::Rc;
use vpd_text::sealed::{Envelope, Form, Kind, TAG_BYTES, mask_form, read_text, tag_form, tag_in, write_text};

/// The envelope that a text holds.
pub fn envelope(text: &[u8]) -> Result<Option<Vec<u8>>> {
    std::str::from_utf8(text).map_or(Ok(None), |text| read_text(text).map_err(malformed))
}

/// An envelope from outside: it must be of this type, and of this column if there is one. It is looked into where its key is at hand.
pub fn taken(bytes: Vec<u8>, kind: Kind, modifier: i32) -> Result<Vec<u8>> {
    let Form::Sealed(envelope) = form(&bytes)? else {
        return Err(Error::envelope_broken());
    };
    if envelope.binding.kind != kind {
        return Err(Error::envelope_broken());
    }
    match Modifier::of(modifier) {
        Modifier::Place(place) if envelope.binding.place != place => return Err(Error::envelope_misplaced()),
        Modifier::Key(_) => return Err(Error::envelope_misplaced()),
        Modifier::Place(_) | Modifier::None => (),
    }
    let has_key = key_of(&envelope).is_ok_and(|key| key.has_versions() || key.is_destroyed);
    let opened = if has_key && envelope.binding.person != Some(NOBODY) {
        unseal(&envelope)
    } else {
        Err(Error::envelope_broken())
    };
    match opened {
        Ok(mut plain) => secret::wipe(&mut plain),
        // A dump is restored before its keys, and without a master key; what nobody can read any more comes along.
        Err(error) if is_trusted() && (!has_key || error.code() != Error::envelope_broken().code()) => (),
        // From anybody else what cannot be told from a forgery is one.
        Err(error) => return Err(error),
    }
    Ok(bytes)
}

/// Whether values come as they were, from a dump or from another server.
fn is_trusted() -> bool {
    user::is_loading_dump() || user::fires_no_triggers()
}

/// A value that comes in open: sealed for its column, or on its way to one.
pub fn sealed(kind: Kind, plain: &[u8], modifier: i32) -> Result<Vec<u8>> {
    let modifier = Modifier::of(modifier);
    match modifier.key()? {
        None => pass(kind, plain),
        Some(key) => {
            if modifier.place() == 0 {
                require_open(&key)?;
            }
            require_no_mask(&key, plain)?;
            seal(kind, plain, &key, modifier.place(), None)
        }
    }
}

/// A value on its way into a column or to a key. What is sealed for the column already stays as it is; what is sealed for another is for who may open it.
pub fn coerced(bytes: &[u8], modifier: i32, is_explicit: bool) -> Result<Vec<u8>> {
    let modifier = Modifier::of(modifier);
    let key = match modifier.key() {
        Ok(Some(key)) => key,
        Ok(None) => return Ok(bytes.to_vec()),
        // The key of a column that comes with a dump may come later.
        Err(_) if matches!(form(bytes)?, Form::Sealed(_)) && is_trusted() => return Ok(bytes.to_vec()),
        Err(error) => return Err(error),
    };
    let place = modifier.place();
    match form(bytes)? {
        Form::Sealed(envelope) if envelope.binding.place == place && envelope.binding.key == key.number => {
            // Kept in a transaction or cursor from before its version was destroyed, it could not be read again. What is about somebody who was forgotten is lost in any version, and stays what it is.
            if key.has(envelope.binding.version) || is_trusted() || is_about_forgotten(&key, &envelope) {
                Ok(bytes.to_vec())
            } else {
                Err(Error::key_destroyed(&key.name))
            }
        }
        Form::Sealed(envelope) => {
            let former = key_of(&envelope)?;
            require_open(&former)?;
            let plain = unseal(&envelope)?;
            unsealed::note(&former, envelope.binding.place);
            resealed(envelope.binding.kind, plain, &key, place)
        }
        Form::Passing(passing) => {
            // By an assignment a value comes in; by a cast somebody could try guesses.
            if is_explicit || place == 0 {
                require_open(&key)?;
            }
            let plain = passed(&passing)?;
            require_no_mask(&key, &plain)?;
            resealed(passing.kind, plain, &key, place)
        }
        // A mask that was written back would take the place of the value.
        Form::Mask(_) => Err(Error::unseal_masked()),
        Form::Tag { .. } => Err(Error::envelope_broken()),
    }
}

fn is_about_forgotten(key: &Key, envelope: &Envelope<'_>) -> bool {
    let person = envelope.binding.person.filter(|person| *person != NOBODY);
    person.is_some_and(|person| person::name_of(key.number, person).is_none())
}

/// A session that sees masks has not read the value: what looks like the mask came by a trigger or a text from there, and would take the place of the value. With a key per person it may be one that nobody can read any more.
fn require_no_mask(key: &Key, plain: &[u8]) -> Result<()> {
    let is_mask = matches!(&key.hidden, Hidden::Mask(mask) if mask.as_bytes() == plain);
    let shows_masks = match sight(key) {
        Sight::Hidden => true,
        // Of values about persons who were forgotten.
        Sight::Open => key.is_per_person,
        Sight::Envelope => false,
    };
    if is_mask && shows_masks {
        return Err(Error::mask_written());
    }
    Ok(())
}

fn resealed(kind: Kind, mut plain: Vec<u8>, key: &Key, place: u32) -> Result<Vec<u8>> {
    let sealed = seal(kind, &plain, key, place, None);
    secret::wipe(&mut plain);
    sealed
}

/// What a client gets to see of a value.
pub fn shown(bytes: &[u8]) -> Result<Vec<u8>> {
    match form(bytes)? {
        Form::Sealed(envelope) => shown_of(bytes, &envelope),
        Form::Passing(passing) => passed(&passing).map(|plain| text_of(passing.kind, plain)),
        Form::Mask(text) => Ok(text.as_bytes().to_vec()),
        Form::Tag { .. } => Err(Error::envelope_broken()),
    }
}

fn shown_of(bytes: &[u8], envelope: &Envelope<'_>) -> Result<Vec<u8>> {
    let Ok(key) = key_of(envelope) else {
        // Without a key nobody can be told what it is.
        return Ok(write_text(bytes).into_bytes());
    };
    match sight(&key) {
        Sight::Envelope => Ok(write_text(bytes).into_bytes()),
        Sight::Open => match unseal(envelope) {
            // The server was started without the master key, or what was sealed is lost: as without the privilege.
            Err(error) if is_out_of_reach(&error) => hidden(&key),
            opened => opened.map(|plain| {
                unsealed::note(&key, envelope.binding.place);
                text_of(envelope.binding.kind, plain)
            }),
        },
        Sight::Hidden => hidden(&key),
    }
}

/// Whether an error says that a value cannot be unsealed by anybody here, and not that it is damaged.
fn is_out_of_reach(error: &Error) -> bool {
    ["master_key_missing", "key_destroyed", "person_forgotten"].contains(&error.code())
}

fn hidden(key: &Key) -> Result<Vec<u8>> {
    match &key.hidden {
        Hidden::Mask(mask) => Ok(mask.as_bytes().to_vec()),
        Hidden::Null => Ok(Vec::new()),
        Hidden::Error => Err(Error::unseal_refused(&key.name)),
    }
}

/// What a literal is compared by with the values of a column. For whoever may not compare it stays what it is.
pub fn tagged(bytes: &[u8], modifier: i32) -> Result<Vec<u8>> {
    let Form::Passing(passing) = form(bytes)? else {
        return Ok(bytes.to_vec());
    };
    let Some(key) = comparing(modifier)? else {
        return Ok(bytes.to_vec());
    };
    let mut plain = passed(&passing)?;
    let tagged = tag_of(&key, passing.kind, &plain);
    secret::wipe(&mut plain);
    tagged
}

/// The same for a value that comes in open.
pub fn sought(kind: Kind, plain: &[u8], modifier: i32) -> Result<Vec<u8>> {
    match comparing(modifier)? {
        Some(key) => tag_of(&key, kind, plain),
        None => pass(kind, plain),
    }
}

/// The key of a modifier, for a session: without one nothing is tagged.
fn comparing(modifier: i32) -> Result<Option<Rc<Key>>> {
    let key = Modifier::of(modifier).key()?;
    Ok(key.filter(|key| sight(key) != Sight::Envelope))
}

fn tag_of(key: &Key, kind: Kind, plain: &[u8]) -> Result<Vec<u8>> {
    let value = normal(kind, plain);
    match &key.hidden {
        _ if sight(key) == Sight::Open => key.tag(value).map(|tag| tag_form(key.number, &tag)),
        // The other side shows masks: this is one, or is equal to none, and to its like alone.
        Hidden::Mask(mask) if mask.as_bytes() == plain => Ok(mask_form(mask)),
        Hidden::Mask(_) | Hidden::Null | Hidden::Error => blind(value).map(|tag| tag_form(key.number, &tag)),
    }
}

/// What values are compared by.
enum Compared {
    /// Key and tag.
    Tag(u32, [u8; TAG_BYTES]),
    /// A value that nobody sealed, in its normal form.
    Open(Vec<u8>),
    Mask(String),
}

fn compared(form: Form<'_>) -> Result<Compared> {
    Ok(match form {
        Form::Sealed(envelope) => match envelope.binding.tag {
            Some(tag) => Compared::Tag(envelope.binding.key, tag),
            None => {
                let key = key_of(&envelope)?;
                return Err(Error::not_searchable(&key.name));
            }
        },
        Form::Tag { key, tag } => Compared::Tag(key, *tag),
        Form::Passing(passing) => {
            let plain = passed(&passing)?;
            Compared::Open(normal(passing.kind, &plain).to_vec())
        }
        Form::Mask(text) => Compared::Mask(text.to_owned()),
    })
}

/// The order of two values, which means nothing but whether they are equal. What is sealed is compared by tags, and opened by nobody.
pub fn order(left: &[u8], right: &[u8]) -> Result<Ordering> {
    match order_of_tags(left, right) {
        Some(order) => Ok(order),
        None => order_of(form(left)?, form(right)?),
    }
}

/// The order of two sealed values of one key, which is what most comparisons are of.
fn order_of_tags(left: &[u8], right: &[u8]) -> Option<Ordering> {
    let ((one, left), (other, right)) = (tag_in(left)?, tag_in(right)?);
    (one == other).then(|| left.cmp(right))
}

fn order_of(left: Form<'_>, right: Form<'_>) -> Result<Ordering> {
    use Compared::{Mask, Open, Tag};
    Ok(match (compared(left)?, compared(right)?) {
        (Tag(one, left), Tag(other, right)) if one == other => left.cmp(&right),
        (Tag(..), Tag(..)) => return Err(Error::keys_differ()),
        (Tag(key, left), Open(value)) => left.cmp(&guessed(key, &value)?),
        (Open(value), Tag(key, right)) => guessed(key, &value)?.cmp(&right),
        (Open(left), Open(right)) => left.cmp(&right),
        (Mask(left), Mask(right)) => left.cmp(&right),
        (Mask(left), Open(right)) => left.as_bytes().cmp(&right),
        (Open(left), Mask(right)) => left.as_slice().cmp(right.as_bytes()),
        (Mask(_), Tag(..)) => Ordering::Less,
        (Tag(..), Mask(_)) => Ordering::Greater,
    })
}

/// The order of two values in an index or a sort. An open one has no place among tags: rather an error than rows in two orders.
pub fn sorted(left: &[u8], right: &[u8]) -> Result<Ordering> {
    if let Some(order) = order_of_tags(left, right) {
        return Ok(order);
    }
    match (form(left)?, form(right)?) {
        (Form::Passing(_), _) | (_, Form::Passing(_)) => Err(Error::open_among_sealed()),
        (left, right) => order_of(left, right),
    }
}

/// An error where the session sees masks in the place of what a modifier seals.
pub fn rewritable(modifier: i32) -> Result<()> {
    match Modifier::of(modifier).key()? {
        Some(key) if sight(&key) == Sight::Hidden => Err(Error::unseal_refused(&key.name)),
        Some(_) | None => Ok(()),
    }
}

/// The tag of a guess, for who may unseal.
fn guessed(number: u32, value: &[u8]) -> Result<[u8; TAG_BYTES]> {
    let keys = super::catalogue::keys();
    let key: &Rc<Key> = keys.numbered(number).ok_or_else(Error::envelope_broken)?;
    require_open(key)?;
    key.tag(value)
}

/// What is hashed of a value. An open one has no hash that it shares with sealed ones: rather an error than rows that are not found.
pub fn hashed(bytes: &[u8]) -> Result<Vec<u8>> {
    match compared(form(bytes)?)? {
        Compared::Tag(_, tag) => Ok(tag.to_vec()),
        Compared::Mask(text) => Ok(text.into_bytes()),
        Compared::Open(_) => Err(Error::open_among_sealed()),
    }
}
