//! Statements without their constants: what may be written down of them.
//!
//! It reads as the server's lexer does (PostgreSQL, "Lexical Structure") and understands nothing of the grammar. Invariant: nothing of a string, a number or a comment is left;
//! what is not closed goes to its end.

/// What stands for a constant.
const CONSTANT: char = '?';

/// The statement with `?` for each constant and a blank for each run of blanks and comments.
///
/// Whether a backslash in a plain string stands for itself was a setting when the statement was read (`standard_conforming_strings`), which may be another one now. Where that
/// matters, what both ways of reading have in common is told, and the rest is one constant.
pub fn without_constants(statement: &str) -> String {
    let read = read(statement, true);
    if !statement.contains("\\'") {
        return read;
    }
    let other = self::read(statement, false);
    if read == other {
        return read;
    }
    let pairs = read.char_indices().zip(other.chars());
    let common = pairs.take_while(|((_, one), other)| one == other).last();
    let end = common.map_or(0, |((place, c), _)| place + c.len_utf8());
    let kept = read[..end].trim_end_matches([CONSTANT, ' ']);
    format!("{kept} {CONSTANT}").trim_start().to_owned()
}

fn read(statement: &str, has_standard_strings: bool) -> String {
    let mut out = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let (token, length) = token(rest, first, has_standard_strings);
        let (text, behind) = rest.split_at(length);
        match token {
            Token::Blank if out.is_empty() || out.ends_with(' ') => (),
            Token::Blank => out.push(' '),
            Token::Constant => out.push(CONSTANT),
            Token::Kept => out.push_str(text),
        }
        rest = behind;
    }
    out.truncate(out.trim_end_matches(' ').len());
    out
}

enum Token {
    /// White space and comments.
    Blank,
    Constant,
    Kept,
}

/// The token at the beginning, and its length in bytes: at least that of `first`.
fn token(text: &str, first: char, has_standard_strings: bool) -> (Token, usize) {
    match first {
        _ if is_blank(first) => (Token::Blank, text.find(|c| !is_blank(c)).unwrap_or(text.len())),
        '-' if text.starts_with("--") => (Token::Blank, text.find(['\n', '\r']).unwrap_or(text.len())),
        '/' if text.starts_with("/*") => (Token::Blank, comment(text)),
        '\'' => (Token::Constant, quoted(text, 0, '\'', !has_standard_strings)),
        '"' => (Token::Kept, quoted(text, 0, '"', false)),
        '$' => dollar(text),
        '0'..='9' => (Token::Constant, number(text)),
        '.' if text.starts_with("..") => (Token::Kept, 2),
        '.' if text[1..].starts_with(|c: char| c.is_ascii_digit()) => (Token::Constant, number(text)),
        _ if is_name_start(first) => name(text, has_standard_strings),
        _ => (Token::Kept, first.len_utf8()),
    }
}

/// Other white space than this begins a name.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_name_part(c: char) -> bool {
    is_name_start(c) || c.is_ascii_digit() || c == '$'
}

/// A name, or a constant that begins with letters: `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`.
fn name(text: &str, has_standard_strings: bool) -> (Token, usize) {
    let end = text.find(|c| !is_name_part(c)).unwrap_or(text.len());
    let (word, behind) = text.split_at(end);
    let is_prefix = |prefix: &str| word.eq_ignore_ascii_case(prefix);
    if behind.starts_with('\'') {
        if is_prefix("e") {
            return (Token::Constant, quoted(text, end, '\'', true));
        }
        if is_prefix("b") || is_prefix("x") {
            return (Token::Constant, quoted(text, end, '\'', false));
        }
        if is_prefix("n") {
            return (Token::Constant, quoted(text, end, '\'', !has_standard_strings));
        }
    }
    if is_prefix("u") && behind.starts_with("&'") {
        return (Token::Constant, quoted(text, end + 1, '\'', false));
    }
    (Token::Kept, end)
}

/// The end of what is quoted from `start` on. Two quotes stand for one; with `has_escapes` a backslash takes the next character along.
fn quoted(text: &str, start: usize, quote: char, has_escapes: bool) -> usize {
    let mut characters = text[start + 1..].char_indices().peekable();
    while let Some((place, c)) = characters.next() {
        if has_escapes && c == '\\' {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return start + 1 + place + 1;
        }
    }
    text.len()
}

/// The end of a comment, with those inside it.
fn comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut place) = (0_usize, 0);
    while place < bytes.len() {
        match &bytes[place..] {
            [b'/', b'*', ..] => {
                depth += 1;
                place += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                place += 2;
                if depth == 0 {
                    return place;
                }
            }
            _ => place += 1,
        }
    }
    text.len()
}

/// A string in dollars, a parameter, or a dollar.
fn dollar(text: &str) -> (Token, usize) {
    let tag_end = text[1..]
        .find(|c: char| !is_name_part(c) || c == '$')
        .map(|end| end + 1);
    let tag = &text[1..tag_end.unwrap_or(text.len())];
    if !tag.is_empty() && tag.chars().all(|c| c.is_ascii_digit()) {
        return (Token::Kept, 1 + tag.len());
    }
    let is_tag = tag.chars().next().is_none_or(is_name_start);
    match tag_end {
        Some(end) if is_tag && text[end..].starts_with('$') => {
            let (delimiter, behind) = text.split_at(end + 1);
            let length = behind.find(delimiter).map(|place| place + delimiter.len());
            (Token::Constant, end + 1 + length.unwrap_or(behind.len()))
        }
        _ => (Token::Kept, 1),
    }
}

/// The end of a number. Letters and digits that stick to it go along, though no number has them.
fn number(text: &str) -> usize {
    let mut former = ' ';
    let end = text.find(|c: char| {
        let is_sign = matches!(c, '+' | '-') && matches!(former, 'e' | 'E');
        let goes_on = c == '.' || is_name_part(c) || is_sign;
        former = c;
        !goes_on
    });
    // `1..10` is two numbers with two dots between them.
    let end = end.unwrap_or(text.len());
    text[..end].find("..").filter(|place| *place > 0).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::without_constants;

    #[test]
    fn constants_go_and_the_rest_stays() {
        for (statement, expected) in [
            ("SELECT 1", "SELECT ?"),
            (
                "SELECT a1, t.b_2 FROM t1 WHERE x=-1.5e-10",
                "SELECT a1, t.b_2 FROM t1 WHERE x=-?",
            ),
            ("select .5, 1., 1..10", "select ?, ?, ?..?"),
            ("SELECT 'a''b' 'c'", "SELECT ? ?"),
            (r"SELECT a, 'a\d+', b", "SELECT a, ?, b"),
            (r"SELECT a, 'a\', b, 'c', d", "SELECT a, ?"),
            (
                r"SELECT E'a\'b', b, e'\\', U&'\0061', U&'d' UESCAPE '!', n'x', B'1', x'ff'",
                "SELECT ?, b, ?, ?, ? UESCAPE ?, ?, ?, ?",
            ),
            ("SELECT $$a'b$$, $q$ $$ $q$, $1, $12+3", "SELECT ?, ?, $1, $12+?"),
            (
                "SELECT \"a'1\"\"2\" FROM \"t 1\"",
                "SELECT \"a'1\"\"2\" FROM \"t 1\"",
            ),
            (
                "SELECT -- it's secret\n a /* x /* 'y' */ z */ FROM t -- end",
                "SELECT a FROM t",
            ),
            ("  SELECT\n\t1  ", "SELECT ?"),
            ("SELECT 'open", "SELECT ?"),
            ("SELECT $a$open", "SELECT ?"),
            ("SELECT a /* open 'x'", "SELECT a"),
            ("SELECT \"open 'x'", "SELECT \"open 'x'"),
            ("SELECT 1a, 0xff, 1_000", "SELECT ?, ?, ?"),
            (
                "SELECT größe, 'ü', a$1 FROM straße",
                "SELECT größe, ?, a$1 FROM straße",
            ),
            (
                "SELECT timestamp '2020-01-01', interval '1' day",
                "SELECT timestamp ?, interval ? day",
            ),
            (
                "SELECT id AS \u{a0}$a$, $a$ secret $a$ FROM t",
                "SELECT id AS \u{a0}$a$, ? FROM t",
            ),
            ("", ""),
            ("$", "$"),
            ("$1", "$1"),
            ("$a", "$a"),
        ] {
            assert_eq!(without_constants(statement), expected, "{statement}");
        }
    }

    #[test]
    fn what_two_settings_read_differently_is_left_out() {
        for statement in [
            r"SELECT 'a\' , secret', c",
            r"SELECT n'a\' , secret', c",
            r"SELECT 'a\'secret' 'b'",
        ] {
            assert_eq!(without_constants(statement), "SELECT ?", "{statement}");
        }
    }

    #[test]
    fn every_beginning_of_a_statement_is_read_to_its_end() {
        let statement = r#"SELECT E'a\'b', $q$x$q$, "n""q", 1.5e+3, U&'x' /* c /* d */ */ -- e"#;
        for (place, _) in statement.char_indices() {
            let text = without_constants(&statement[..place]);
            assert!(!text.contains("a\\"), "{text}");
        }
    }
}
