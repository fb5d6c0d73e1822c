//! What is told to people.

/// Asserts that a text is lines that a terminal and a log may have: nothing in it moves a cursor.
pub fn assert_printable(text: &str) {
    assert!(
        !text.chars().any(|letter| letter.is_control() && letter != '\n'),
        "a control character is told as it is: {text:?}"
    );
}
