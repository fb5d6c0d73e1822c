//! Names on their way from Oracle to PostgreSQL, and their quoting.
//!
//! Invariant: whatever a name contains, what is written for it is one name, one literal or one line of a comment.

/// Longest name of PostgreSQL, in bytes.
pub const MAX_BYTES: usize = 63;

/// A name as PostgreSQL will store it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Folds a name of Oracle's: one without lower-case letters was not quoted there and is lower case here. Others keep their case,
    /// as does every name with `keep_case`.
    pub fn fold(oracle: &str, keep_case: bool) -> Self {
        if keep_case || oracle.chars().any(char::is_lowercase) {
            Self(oracle.to_owned())
        } else {
            Self(oracle.to_lowercase())
        }
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As an SQL identifier, always quoted.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }

    /// As the functions of `dbms_rls` read names: plain where that means the same, quoted otherwise.
    pub fn argument(&self) -> String {
        if self.is_plain() {
            self.0.clone()
        } else {
            self.quoted()
        }
    }

    /// True when the name means itself without quotes.
    pub fn is_plain(&self) -> bool {
        let mut letters = self.0.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first == '_')
            && letters.all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_' || letter == '$'
            })
    }
}

/// A string literal, whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// Comment lines. A line ends at a carriage return as well.
pub fn comment(text: &str) -> String {
    text.split(['\n', '\r'])
        .map(|line| format!("-- {line}").trim_end().to_owned() + "\n")
        .collect()
}

/// For messages: control characters are shown, long text is cut.
pub fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => escaped(&text[..end]) + "…",
        None => escaped(text),
    }
}

/// For messages: control characters are shown.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            escaped.extend(letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// A dollar quote that does not occur in the text.
pub fn dollar_quote(text: &str) -> String {
    let mut tag = "$check$".to_owned();
    let mut number = 0;
    while text.contains(&tag) {
        number += 1;
        tag = format!("$check{number}$");
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_is_folded_and_mixed_case_kept() {
        assert_eq!(Name::fold("EMPLOYEES", false).argument(), "employees");
        assert_eq!(Name::fold("Employees", false).argument(), "\"Employees\"");
        assert_eq!(Name::fold("EMPLOYEES", true).argument(), "\"EMPLOYEES\"");
        assert_eq!(Name::fold("ORDER ITEMS", false).argument(), "\"order items\"");
        assert_eq!(Name::fold("A#B", false).argument(), "\"a#b\"");
        assert_eq!(Name::fold("1ST", false).argument(), "\"1st\"");
        assert_eq!(Name::fold("ÄRZTE", false).argument(), "\"ärzte\"");
    }

    #[test]
    fn quoting_keeps_a_name_one_name() {
        let name = Name::fold("a\"; DROP TABLE x; --", false);
        assert_eq!(name.quoted(), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("back\\'slash"), "E'back\\\\''slash'");
    }

    #[test]
    fn a_comment_stays_a_comment() {
        assert_eq!(
            comment("one\ntwo\rDROP TABLE x;"),
            "-- one\n-- two\n-- DROP TABLE x;\n"
        );
        assert_eq!(comment(""), "--\n");
    }

    #[test]
    fn messages_show_control_characters_and_no_more_than_a_line() {
        assert_eq!(shown("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(shown(&"x".repeat(200)).chars().count(), 81);
    }

    #[test]
    fn a_dollar_quote_does_not_occur_in_its_text() {
        assert_eq!(dollar_quote("nothing"), "$check$");
        assert_eq!(dollar_quote("$check$ $check1$"), "$check2$");
    }
}
