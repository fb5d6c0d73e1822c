//! Numbers and UUIDs as the server writes them, whatever a connection has set. Knows no server.

/// A number as people write it.
pub struct Digits {
    letters: [u8; 20],
    start: usize,
}

impl Digits {
    pub fn of(number: i64) -> Self {
        let mut digits = Self {
            letters: [0; 20],
            start: 20,
        };
        let mut rest = number.unsigned_abs();
        loop {
            digits.start -= 1;
            digits.letters[digits.start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            digits.start -= 1;
            digits.letters[digits.start] = b'-';
        }
        digits
    }

    pub fn text(&self) -> &[u8] {
        &self.letters[self.start..]
    }
}

/// A UUID as the server writes it.
pub fn uuid(bytes: &[u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut letters = [b'-'; 36];
    let mut place = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            place += 1;
        }
        letters[place] = DIGITS[usize::from(byte >> 4)];
        letters[place + 1] = DIGITS[usize::from(byte & 15)];
        place += 2;
    }
    letters
}

/// The sixteen bytes of a UUID, when the text is how the server writes one.
pub fn uuid_bytes(key: &[u8]) -> Option<[u8; 16]> {
    let digits: Vec<u8> = key
        .iter()
        .filter_map(|letter| char::from(*letter).to_digit(16).map(|digit| digit as u8))
        .collect();
    let mut bytes = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    (uuid(&bytes) == key).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_server_writes_them() {
        for number in [0, 7, -1, 42, i64::MAX, i64::MIN, 1_000_000] {
            assert_eq!(Digits::of(number).text(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn uuids_are_written_as_the_server_writes_them() {
        let written = b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        let bytes = uuid_bytes(written);
        assert_eq!(bytes.map(|bytes| uuid(&bytes)).as_ref(), Some(written));
        for other in [
            &b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"[..],
            b"a0eebc999c0b4ef8bb6d6bb9bd380a11",
            b"",
            b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        ] {
            assert_eq!(uuid_bytes(other), None);
        }
    }
}
