//! Names of keys. They stand in the type of a column, where a dump writes them without quotes.

/// Longest name of a key, as of anything in PostgreSQL.
const MAX_BYTES: usize = 63;

/// Lower-case letters, digits and underscores; the first is a letter.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    name.len() <= MAX_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::is_key_name;

    #[test]
    fn a_name_needs_no_quotes_in_sql() {
        for good in ["pii", "k", "key_2", &"a".repeat(63)] {
            assert!(is_key_name(good), "{good}");
        }
        for bad in ["", "PII", "2nd", "_a", "a-b", "a b", "é", "a'", &"a".repeat(64)] {
            assert!(!is_key_name(bad), "{bad}");
        }
    }
}
