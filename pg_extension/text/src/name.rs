//! Names that a login brings: of users, roles, groups, classes of authentication.

const MAX_CHARS: usize = 256;

/// Whether a text can be such a name: 1 to 256 characters, none of them a control character, and not blanks alone.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_CHARS && !text.chars().any(char::is_control)
}
