//! Dumps of Oracle's dictionary, and the script they become.

use super::terminal::assert_printable;
use crate::oracle::{Source, View, import};

const VIEWS: [View; 7] = [
    View::Policies,
    View::PolicyGroups,
    View::PolicyContexts,
    View::PolicyAttributes,
    View::RelevantColumns,
    View::Contexts,
    View::Objects,
];

/// Between two dumps.
const SEPARATOR: u8 = 0x1e;

/// What may stand in a script outside of literals, quoted names and comments; literals and names are `''` and `""`.
const WORDS: [&str; 34] = [
    "SET",
    "client_encoding",
    "BEGIN",
    "COMMIT",
    "DO",
    "SELECT",
    "vpd.create_context",
    "dbms_rls.create_policy_group",
    "dbms_rls.add_policy",
    "dbms_rls.add_grouped_policy",
    "dbms_rls.alter_policy",
    "dbms_rls.alter_grouped_policy",
    "dbms_rls.add_policy_context",
    "dbms_rls.add_attribute_association",
    "dbms_rls.static",
    "dbms_rls.shared_static",
    "dbms_rls.context_sensitive",
    "dbms_rls.shared_context_sensitive",
    "dbms_rls.dynamic",
    "dbms_rls.all_rows",
    "object_schema",
    "object_name",
    "policy_group",
    "policy_name",
    "function_schema",
    "policy_function",
    "statement_types",
    "update_check",
    "enable",
    "policy_type",
    "long_predicate",
    "sec_relevant_cols",
    "sec_relevant_cols_opt",
    "alter_option",
];
const MORE_WORDS: [&str; 6] = [
    "namespace",
    "attribute",
    "trusted_function",
    "accessed_globally",
    "true",
    "false",
];

/// The bytes are dumps: each begins with the number of its view. The first byte says whether names keep their case.
pub fn hold(bytes: &[u8]) {
    let Some((flags, rest)) = bytes.split_first() else {
        return;
    };
    let keep_case = flags & 1 == 1;
    let sources: Vec<Source> = rest
        .split(|byte| *byte == SEPARATOR)
        .filter_map(|part| part.split_first())
        .map(|(number, content)| {
            let view = VIEWS[usize::from(number.wrapping_sub(b'0')) % VIEWS.len()];
            Source {
                view,
                file: format!("{}.csv", view.file_stem()),
                content: content.to_vec(),
            }
        })
        .collect();
    let first = import(&sources, keep_case);
    let script = Bare::read(&first.script);
    assert!(!first.script.contains('\0'));
    let is_known = |word: &&str| WORDS.contains(word) || MORE_WORDS.contains(word);
    let odd = script.words().into_iter().find(|word| !is_known(word));
    assert_eq!(odd, None, "a name is outside of its quotes:\n{}", first.script);
    let added = ["dbms_rls.add_policy(", "dbms_rls.add_grouped_policy("]
        .iter()
        .map(|call| script.text.matches(call).count())
        .sum::<usize>();
    assert_eq!(added, first.report.counts.policies, "{}", first.script);
    for body in &script.bodies {
        let names = ["DROP", "GRANT", "CREATE", "ALTER", "DELETE", "COPY", "\\", "/*"];
        let body = Bare::read(body);
        assert!(
            !names.iter().any(|name| body.text.contains(name)),
            "{}",
            body.text
        );
        assert!(
            body.bodies.is_empty(),
            "a quote within the quote:\n{}",
            first.script
        );
    }
    let report = first.report.to_string();
    assert_printable(&report);
    let json = serde_json::from_str::<serde_json::Value>(&first.report.to_json());
    let findings = json
        .as_ref()
        .map(|json| json["findings"].as_array().map(Vec::len));
    assert_eq!(findings.ok().flatten(), Some(first.report.findings.len()));

    // Dumps are named in any order.
    let is_once = VIEWS
        .iter()
        .all(|view| sources.iter().filter(|source| source.view == *view).count() <= 1);
    if is_once {
        let turned: Vec<Source> = sources.into_iter().rev().collect();
        let turned = import(&turned, keep_case);
        assert_eq!(turned.report.to_json(), first.report.to_json());
        assert_eq!(Bare::read(&turned.script), script);
    }
}

/// A script as PostgreSQL reads it, without what stands in literals, quoted names, dollar quotes and comments.
#[derive(Debug, PartialEq, Eq)]
struct Bare {
    text: String,
    /// What stands in dollar quotes.
    bodies: Vec<String>,
}

impl Bare {
    fn read(script: &str) -> Self {
        let mut bare = Self {
            text: String::new(),
            bodies: Vec::new(),
        };
        let mut rest = script;
        while let Some(letter) = rest.chars().next() {
            rest = match letter {
                '-' if rest.starts_with("--") => &rest[rest.find(['\n', '\r']).unwrap_or(rest.len())..],
                '\'' => {
                    let is_escaped = bare.text.ends_with('E');
                    if is_escaped {
                        bare.text.pop();
                    }
                    bare.text.push_str("''");
                    behind_quote(&rest[1..], '\'', is_escaped, script)
                }
                '"' => {
                    bare.text.push_str("\"\"");
                    behind_quote(&rest[1..], '"', false, script)
                }
                '$' => {
                    let tag_end = rest[1..].find('$').map_or(rest.len(), |end| end + 2);
                    let (tag, body) = rest.split_at(tag_end);
                    let (body, behind) = body
                        .split_once(tag)
                        .unwrap_or_else(|| unreachable!("a quote is not closed:\n{script}"));
                    bare.bodies.push(body.to_owned());
                    bare.text.push_str("''");
                    behind
                }
                letter => {
                    bare.text.push(letter);
                    &rest[letter.len_utf8()..]
                }
            };
        }
        bare
    }

    fn words(&self) -> Vec<&str> {
        let is_between = |letter: char| letter.is_whitespace() || "(),;'=>".contains(letter);
        self.text
            .split(is_between)
            .filter(|word| !word.is_empty())
            .collect()
    }
}

/// What stands behind a literal or a quoted name.
fn behind_quote<'a>(text: &'a str, quote: char, is_escaped: bool, script: &str) -> &'a str {
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        let is_pair = letter == quote && letters.peek().is_some_and(|(_, next)| *next == quote);
        if is_pair || (is_escaped && letter == '\\') {
            letters.next();
        } else if letter == quote {
            return &text[place + quote.len_utf8()..];
        }
    }
    unreachable!("a quote is not closed:\n{script}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_as_the_server_reads_it() {
        let script = "SELECT f(\n  'it''s', E'\\'; DROP', \"a\"\"b\") -- ' DROP\rDO $x$ DROP $x$;";
        let bare = Bare::read(script);
        assert_eq!(bare.words(), ["SELECT", "f", "\"\"", "DO"]);
        assert_eq!(bare.bodies, [" DROP "]);
    }

    #[test]
    fn control_what_is_outside_of_its_quotes_is_noticed() {
        assert!(
            Bare::read("SELECT 'a\\'; DROP TABLE x; --'")
                .words()
                .contains(&"DROP")
        );
        assert!(Bare::read("-- a\rDROP TABLE x;").words().contains(&"DROP"));
    }

    #[test]
    #[should_panic(expected = "a quote is not closed")]
    fn control_a_quote_that_is_not_closed_is_noticed() {
        Bare::read("SELECT 'a");
    }
}
