//! The form of a published block: a header of a page, which says what the block is and where its parts lie, and the parts. Knows no server.

use std::ops::Range;

/// Parts of a block.
pub const PARTS: usize = 4;

/// Bytes of the header; the parts begin behind it, each at a multiple of eight.
pub const HEADER: usize = 4096;

const MAGIC: [u8; 8] = *b"pgvpdbk1";
const TOPIC: usize = 256;
/// What says which block it is: magic, generation, version, database, length of the topic, topic.
const IDENTITY: usize = 8 + 16 + 16 + 4 + 4 + TOPIC;
/// Length and checksum of each part.
const TABLE: usize = PARTS * 16;

/// Which block it is. Another in one letter is another block.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Of the server: another after each start, and after each crash.
    pub generation: [u8; 16],
    pub database: u32,
    /// What it is of.
    pub topic: &'a str,
    pub version: [u8; 16],
}

impl Identity<'_> {
    /// `None` for a topic that is too long to be written down.
    fn bytes(&self) -> Option<[u8; IDENTITY]> {
        let topic = self.topic.as_bytes();
        let fields: [&[u8]; 6] = [
            &MAGIC,
            &self.generation,
            &self.version,
            &self.database.to_ne_bytes(),
            &u32::try_from(topic.len()).ok()?.to_ne_bytes(),
            topic,
        ];
        let mut bytes = [0; IDENTITY];
        let mut place = 0;
        for field in fields {
            bytes.get_mut(place..place + field.len())?.copy_from_slice(field);
            place += field.len();
        }
        Some(bytes)
    }
}

/// The header of a block; `None` for a topic that is too long.
pub fn header(identity: &Identity<'_>, parts: &[&[u8]; PARTS]) -> Option<[u8; HEADER]> {
    let mut header = [0; HEADER];
    header[..IDENTITY].copy_from_slice(&identity.bytes()?);
    for (entry, part) in header[IDENTITY..IDENTITY + TABLE].chunks_exact_mut(16).zip(parts) {
        entry[..8].copy_from_slice(&(part.len() as u64).to_ne_bytes());
        entry[8..].copy_from_slice(&checksum(part).to_ne_bytes());
    }
    let sum = checksum(&header[..HEADER - 8]);
    header[HEADER - 8..].copy_from_slice(&sum.to_ne_bytes());
    Some(header)
}

/// Bytes that follow a part, so that the next begins where it should.
pub fn padding(length: usize) -> usize {
    length.wrapping_neg() % 8
}

/// Where the parts lie; `None` unless the block is the one that is looked for, has just the length it should, and every byte of it is as it was
/// written.
pub fn parts(identity: &Identity<'_>, block: &[u8]) -> Option<[Range<usize>; PARTS]> {
    let header = block.get(..HEADER)?;
    let is_wanted = header[..IDENTITY] == identity.bytes()?
        && checksum(&header[..HEADER - 8]).to_ne_bytes() == header[HEADER - 8..];
    if !is_wanted {
        return None;
    }
    let mut place = HEADER;
    let mut ranges = [const { 0..0 }; PARTS];
    for (range, entry) in ranges
        .iter_mut()
        .zip(header[IDENTITY..IDENTITY + TABLE].chunks_exact(16))
    {
        let length = usize::try_from(u64::from_ne_bytes(entry[..8].try_into().ok()?)).ok()?;
        *range = place..place.checked_add(length)?;
        if checksum(block.get(range.clone())?).to_ne_bytes() != entry[8..] {
            return None;
        }
        place = range.end.checked_add(padding(length))?;
    }
    (place == block.len()).then_some(ranges)
}

/// A number that tells bytes from others, quickly: four lanes of eight bytes. It guards against accidents; who may write the file may do everything.
pub fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut lanes = [1_u64, 2, 3, 4];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks_exact(8)) {
            let mut whole = [0; 8];
            whole.copy_from_slice(word);
            *lane = mix(*lane, u64::from_ne_bytes(whole));
        }
    }
    let rest = chunks
        .remainder()
        .iter()
        .fold(bytes.len() as u64, |sum, byte| mix(sum, u64::from(*byte)));
    let sum = lanes.iter().fold(rest, |sum, lane| mix(sum, *lane));
    sum ^ (sum >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Identity<'_> = Identity {
        generation: [7; 16],
        database: 5,
        topic: "places",
        version: [9; 16],
    };

    fn block(parts: &[&[u8]; PARTS]) -> Vec<u8> {
        let mut block = header(&WANTED, parts).unwrap().to_vec();
        for part in parts {
            block.extend_from_slice(part);
            block.resize(block.len() + padding(part.len()), 0);
        }
        block
    }

    const LISTS: [&[u8]; PARTS] = [b"abcdefghijk", b"", b"12345678", b"x"];

    #[test]
    fn what_was_written_is_found() {
        let block = block(&LISTS);
        let ranges = parts(&WANTED, &block).unwrap();
        for (range, part) in ranges.into_iter().zip(LISTS) {
            assert_eq!(range.start % 8, 0);
            assert_eq!(&block[range], part);
        }
    }

    #[test]
    fn another_block_is_refused() {
        let block = block(&LISTS);
        for other in [
            Identity {
                generation: [8; 16],
                ..WANTED
            },
            Identity {
                database: 6,
                ..WANTED
            },
            Identity {
                topic: "place",
                ..WANTED
            },
            Identity {
                version: [8; 16],
                ..WANTED
            },
        ] {
            assert_eq!(parts(&other, &block), None, "{other:?}");
        }
    }

    #[test]
    fn a_block_with_one_changed_byte_is_refused() {
        let block = block(&LISTS);
        let is_padding = |place: usize| {
            parts(&WANTED, &block)
                .unwrap()
                .iter()
                .all(|range| !range.contains(&place))
        };
        for place in 0..block.len() {
            let mut changed = block.clone();
            changed[place] ^= 1;
            let is_refused = parts(&WANTED, &changed).is_none();
            assert!(
                is_refused || (place >= HEADER && is_padding(place)),
                "byte {place}"
            );
        }
    }

    #[test]
    fn a_block_of_another_length_is_refused() {
        let mut block = block(&LISTS);
        for length in [0, 1, HEADER - 1, HEADER, HEADER + 8, block.len() - 1] {
            assert_eq!(parts(&WANTED, &block[..length]), None, "{length}");
        }
        block.push(0);
        assert_eq!(parts(&WANTED, &block), None);
    }

    #[test]
    fn lengths_that_lead_out_of_the_block_are_refused() {
        let good = block(&LISTS);
        for length in [u64::MAX, u64::MAX - 4096, 1 << 62, 12] {
            let mut bad = good.clone();
            bad[IDENTITY..IDENTITY + 8].copy_from_slice(&length.to_ne_bytes());
            let sum = checksum(&bad[..HEADER - 8]);
            bad[HEADER - 8..HEADER].copy_from_slice(&sum.to_ne_bytes());
            assert_eq!(parts(&WANTED, &bad), None, "{length}");
        }
    }

    #[test]
    fn a_topic_too_long_is_not_written() {
        let topic = "x".repeat(TOPIC + 1);
        let identity = Identity {
            topic: &topic,
            ..WANTED
        };
        assert!(header(&identity, &LISTS).is_none());
    }
}
