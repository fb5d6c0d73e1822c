//! Master keys, as a file or a command gives them.
//!
//! ```text
//! # the first is the one that new keys are wrapped with
//! 2027 = 5f0c…64 hexadecimal digits
//! 2026 = 99ab…
//! ```

/// Longest name of a master key.
pub const MAX_NAME_BYTES: usize = 31;
/// Most master keys at a time.
pub const MAX_KEYS: usize = 32;

/// A master key. Whoever has read it wipes it.
pub struct MasterKey {
    /// Its name, at most 31 bytes.
    pub name: String,
    /// Its 256 bits.
    pub key: [u8; 32],
}

/// Why there are no master keys, in words that hold nothing of what was read; with the number of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasterKeysInvalid {
    /// Number of the line; 0 for the whole.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// Reads master keys; the first is current.
///
/// # Errors
/// A line is none, or there is none at all.
pub fn read(text: &str) -> Result<Vec<MasterKey>, MasterKeysInvalid> {
    let mut keys: Vec<MasterKey> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let invalid = |reason| MasterKeysInvalid {
            line: number + 1,
            reason,
        };
        let (name, digits) = line
            .split_once('=')
            .ok_or_else(|| invalid("it has no equals sign between name and key"))?;
        let name = name.trim();
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_name {
            return Err(invalid(
                "a name is at most 31 letters, digits, dots, hyphens and underscores",
            ));
        }
        if keys.iter().any(|known| known.name == name) {
            return Err(invalid("the name stands there twice"));
        }
        if keys.len() == MAX_KEYS {
            return Err(invalid("there are more than 32 keys"));
        }
        let key = bytes(digits.trim()).ok_or_else(|| invalid("a key is 64 hexadecimal digits"))?;
        keys.push(MasterKey {
            name: name.to_owned(),
            key,
        });
    }
    if keys.is_empty() {
        return Err(MasterKeysInvalid {
            line: 0,
            reason: "there is no key",
        });
    }
    Ok(keys)
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_current_and_comments_are_left_out() {
        let text = format!("# of 2027\n\n b = {}\r\na={}\n", "0f".repeat(32), "A0".repeat(32));
        let keys = read(&text).unwrap_or_default();
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(keys[0].key, [0x0f; 32]);
        assert_eq!(keys[1].key, [0xa0; 32]);
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_line() {
        let good = "0f".repeat(32);
        let cases = [
            (String::new(), 0),
            ("# nothing".to_owned(), 0),
            (good.clone(), 1),
            (format!("a = {}", &good[1..]), 1),
            (format!("a = {good}0"), 1),
            (format!("a = {}g", &good[1..]), 1),
            (format!("a = {good}\na = {good}"), 2),
            (format!("ä = {good}"), 1),
            (format!(" = {good}"), 1),
            (format!("{} = {good}", "n".repeat(32)), 1),
        ];
        for (text, line) in cases {
            assert_eq!(
                read(&text).err().map(|invalid| invalid.line),
                Some(line),
                "{text}"
            );
        }
        let many: String = (0..33).map(|number| format!("k{number} = {good}\n")).collect();
        assert_eq!(read(&many).err().map(|invalid| invalid.line), Some(33));
    }
}
