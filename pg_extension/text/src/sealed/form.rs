//! The bytes of a value of a sealed type.
//!
//! ```text
//! sealed    1 · kind and flags · key (4) · version (4) · place (4) · [person (8)] · [tag (16)] · IV (16) · ciphertext (16·n) · MAC (32)
//! passing   128 · kind · IV (16) · ciphertext (16·n) · MAC (32)     a literal or parameter: good until the server stops, and stored nowhere
//! mask      129 · text                                               what stands for a value that the session may not see
//! tag       130 · key (4) · tag (16)                                 what a literal is compared by
//! ```
//!
//! Numbers are big-endian. The MAC covers everything before it. No form holds a value in the clear.

/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;
const IV_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// Form, kind and three numbers.
const HEAD_BYTES: usize = 14;

const SEALED: u8 = 1;
const PASSING: u8 = 128;
const MASK: u8 = 129;
const TAG: u8 = 130;

const KIND_BITS: u8 = 0b0000_0111;
const HAS_TAG: u8 = 0b0000_1000;
const HAS_PERSON: u8 = 0b0001_0000;

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `text`.
    Text,
    /// `bytea`.
    Bytea,
    /// `numeric`.
    Numeric,
    /// `date`.
    Date,
    /// `jsonb`.
    Jsonb,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Text, Self::Bytea, Self::Numeric, Self::Date, Self::Jsonb];

    /// The name of the type without its schema.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Text => "sealed_text",
            Self::Bytea => "sealed_bytea",
            Self::Numeric => "sealed_numeric",
            Self::Date => "sealed_date",
            Self::Jsonb => "sealed_jsonb",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Bytea => 1,
            Self::Numeric => 2,
            Self::Date => 3,
            Self::Jsonb => 4,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The bytes are no value of these types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Written by a later version of this library.
    Later,
    /// Cut, or never one.
    Broken,
}

/// What a value was sealed with, and for which column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// What was sealed.
    pub kind: Kind,
    /// Number of the key.
    pub key: u32,
    /// Version of the key.
    pub version: u32,
    /// The column, by the number that its type carries; 0 for none.
    pub place: u32,
    /// The number of the person it is about, whose own key takes part.
    pub person: Option<u64>,
    /// By which equal values are found, where the key allows it.
    pub tag: Option<[u8; TAG_BYTES]>,
}

/// A sealed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// What the head says.
    pub binding: Binding,
    /// The value.
    pub closed: Closed<'a>,
}

/// What was encrypted and authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed<'a> {
    /// What the MAC covers.
    pub covered: &'a [u8],
    /// Random bytes that the encryption begins with.
    pub iv: &'a [u8; IV_BYTES],
    /// The encrypted value.
    pub ciphertext: &'a [u8],
    /// HMAC-SHA-256 (RFC 2104).
    pub mac: &'a [u8; MAC_BYTES],
}

/// A value in one of its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// Sealed for a column or with a key.
    Sealed(Envelope<'a>),
    /// On its way: encrypted with a key that the server has until it stops.
    Passing(Passing<'a>),
    /// What stands for a value.
    Mask(&'a str),
    /// What a value is compared by.
    Tag {
        /// Number of the key.
        key: u32,
        /// The tag.
        tag: &'a [u8; TAG_BYTES],
    },
}

/// A value on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passing<'a> {
    /// What it is.
    pub kind: Kind,
    /// The value.
    pub closed: Closed<'a>,
}

impl<'a> Form<'a> {
    /// Reads the bytes of a value.
    ///
    /// # Errors
    /// They are none.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (form, rest) = bytes.split_first().ok_or(Malformed::Broken)?;
        match *form {
            SEALED => sealed(bytes, rest).ok_or(Malformed::Broken),
            PASSING => passing(bytes, rest).ok_or(Malformed::Broken),
            MASK => std::str::from_utf8(rest)
                .map(Form::Mask)
                .map_err(|_| Malformed::Broken),
            TAG => tag(rest).ok_or(Malformed::Broken),
            later if later < PASSING && later > SEALED => Err(Malformed::Later),
            _ => Err(Malformed::Broken),
        }
    }
}

impl Binding {
    /// The bytes before the IV.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags =
            self.kind.code() | flag(self.tag.is_some(), HAS_TAG) | flag(self.person.is_some(), HAS_PERSON);
        // As much as the envelope of a short value takes.
        let mut head = Vec::with_capacity(128);
        head.extend([SEALED, flags]);
        for number in [self.key, self.version, self.place] {
            head.extend(number.to_be_bytes());
        }
        head.extend(self.person.iter().flat_map(|person| person.to_be_bytes()));
        head.extend(self.tag.iter().flatten());
        head
    }
}

/// Key and tag of bytes that begin as a sealed value with a tag, whatever comes after: what an index compares very often. What is broken is told when it is read.
#[must_use]
pub fn tag_in(bytes: &[u8]) -> Option<([u8; 4], &[u8; TAG_BYTES])> {
    let ([form, flags, numbers @ ..], rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    if *form != SEALED || flags & !KIND_BITS != HAS_TAG {
        return None;
    }
    Some((*numbers.first_chunk()?, rest.first_chunk()?))
}

/// The bytes before the IV of a passing value.
#[must_use]
pub fn passing_head(kind: Kind) -> Vec<u8> {
    vec![PASSING, kind.code()]
}

/// The bytes of a mask.
#[must_use]
pub fn mask_form(text: &str) -> Vec<u8> {
    std::iter::once(MASK).chain(text.bytes()).collect()
}

/// The bytes of a tag.
#[must_use]
pub fn tag_form(key: u32, tag: &[u8; TAG_BYTES]) -> Vec<u8> {
    let mut bytes = vec![TAG];
    bytes.extend(key.to_be_bytes());
    bytes.extend(tag);
    bytes
}

fn sealed<'a>(bytes: &'a [u8], rest: &'a [u8]) -> Option<Form<'a>> {
    let (flags, rest) = rest.split_first()?;
    if flags & !(KIND_BITS | HAS_TAG | HAS_PERSON) != 0 {
        return None;
    }
    let kind = Kind::of_code(flags & KIND_BITS)?;
    let (key, rest) = number(rest)?;
    let (version, rest) = number(rest)?;
    let (place, rest) = number(rest)?;
    let (person, rest) = if flags & HAS_PERSON == 0 {
        (None, rest)
    } else {
        let (person, rest) = rest.split_first_chunk()?;
        (Some(u64::from_be_bytes(*person)), rest)
    };
    let (tag, rest) = if flags & HAS_TAG == 0 {
        (None, rest)
    } else {
        let (tag, rest) = rest.split_first_chunk()?;
        (Some(*tag), rest)
    };
    Some(Form::Sealed(Envelope {
        binding: Binding {
            kind,
            key,
            version,
            place,
            person,
            tag,
        },
        closed: Closed::at_end(bytes, rest)?,
    }))
}

fn passing<'a>(bytes: &'a [u8], rest: &'a [u8]) -> Option<Form<'a>> {
    let (kind, rest) = rest.split_first()?;
    Some(Form::Passing(Passing {
        kind: Kind::of_code(*kind)?,
        closed: Closed::at_end(bytes, rest)?,
    }))
}

impl<'a> Closed<'a> {
    /// What was closed without a head.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        Self::at_end(bytes, bytes)
    }

    /// IV, ciphertext and MAC at the end of bytes.
    fn at_end(bytes: &'a [u8], rest: &'a [u8]) -> Option<Self> {
        let (iv, rest) = rest.split_first_chunk()?;
        let (ciphertext, mac) = rest.split_last_chunk()?;
        let is_whole = !ciphertext.is_empty() && ciphertext.len() % BLOCK_BYTES == 0;
        is_whole.then(|| Self {
            covered: &bytes[..bytes.len() - MAC_BYTES],
            iv,
            ciphertext,
            mac,
        })
    }
}

fn tag(rest: &[u8]) -> Option<Form<'_>> {
    let (key, rest) = number(rest)?;
    let tag = rest.try_into().ok()?;
    Some(Form::Tag { key, tag })
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(person: Option<u64>, tag: Option<[u8; TAG_BYTES]>) -> (Binding, Vec<u8>) {
        let binding = Binding {
            kind: Kind::Numeric,
            key: 7,
            version: 3,
            place: 0x0102_0304,
            person,
            tag,
        };
        let mut bytes = binding.head();
        bytes.extend([9; IV_BYTES]);
        bytes.extend([8; 2 * BLOCK_BYTES]);
        bytes.extend([6; MAC_BYTES]);
        (binding, bytes)
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (person, tag) in [
            (None, None),
            (None, Some([5; TAG_BYTES])),
            (Some(u64::MAX - 1), None),
            (Some(1), Some([5; TAG_BYTES])),
        ] {
            let (binding, bytes) = envelope(person, tag);
            let Ok(Form::Sealed(read)) = Form::read(&bytes) else {
                panic!("no envelope");
            };
            assert_eq!(read.binding, binding);
            let compared = tag.filter(|_| person.is_none()).map(|tag| (7, tag));
            let found = tag_in(&bytes).map(|(key, tag)| (u32::from_be_bytes(key), *tag));
            assert_eq!(found, compared);
            assert_eq!(read.closed.iv, &[9; IV_BYTES]);
            assert_eq!(read.closed.ciphertext, [8; 2 * BLOCK_BYTES]);
            assert_eq!(read.closed.mac, &[6; MAC_BYTES]);
            assert_eq!(read.closed.covered, &bytes[..bytes.len() - MAC_BYTES]);
        }
        assert_eq!(Form::read(&mask_form("•••")), Ok(Form::Mask("•••")));
        let tag = [4; TAG_BYTES];
        assert_eq!(
            Form::read(&tag_form(9, &tag)),
            Ok(Form::Tag { key: 9, tag: &tag })
        );
    }

    #[test]
    fn what_was_cut_is_refused_and_what_is_of_a_later_version_is_told_apart() {
        let (_, bytes) = envelope(None, Some([5; TAG_BYTES]));
        for length in 0..bytes.len() {
            let is_whole = Form::read(&bytes[..length]).is_ok();
            assert!(!is_whole || (bytes.len() - length) % BLOCK_BYTES == 0, "{length}");
        }
        let mut later = bytes.clone();
        later[0] = 2;
        assert_eq!(Form::read(&later), Err(Malformed::Later));
        later[0] = 0;
        assert_eq!(Form::read(&later), Err(Malformed::Broken));
        later[0] = 1;
        later[1] |= 0b0010_0000;
        assert_eq!(Form::read(&later), Err(Malformed::Broken));
    }
}
