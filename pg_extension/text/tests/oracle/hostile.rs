//! Hostile names: whatever stands in a dump, the script has the statements it would have with plain names, and no other.

use vpd_text::oracle::View;
use vpd_text::oracle::import;

use super::{HEADER, POLICY, policies, source};

const HOSTILE: [&str; 12] = [
    "'; DROP TABLE x; --",
    "\"; DROP TABLE x; --",
    "a\n; DROP TABLE x; --",
    "a\r; DROP TABLE x; --",
    "/* a */ */",
    "$$; DROP TABLE x; $$",
    "$check$; DROP TABLE x; $check$",
    "back\\'; DROP TABLE x; --",
    "U&\"\\0027\"; DROP TABLE x",
    ":variable :'variable'",
    "\\! id",
    "tab\tand ünïcode ' \u{2028} x",
];

fn csv(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

/// The script without what is inside literals, quoted names, dollar quotes and comments, as PostgreSQL reads it.
fn bare(script: &str) -> String {
    let letters: Vec<char> = script.chars().collect();
    let mut bare = String::new();
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        if rest.starts_with(&['-', '-']) {
            while at < letters.len() && !['\n', '\r'].contains(&letters[at]) {
                at += 1;
            }
        } else if rest[0] == '\'' || rest[0] == '"' {
            let quote = rest[0];
            let is_escaped = quote == '\'' && bare.ends_with('E');
            at += 1;
            loop {
                let is_pair = letters[at] == quote && letters.get(at + 1) == Some(&quote);
                if is_pair || (is_escaped && letters[at] == '\\') {
                    at += 2;
                } else if letters[at] == quote {
                    at += 1;
                    break;
                } else {
                    at += 1;
                }
            }
            bare.push_str("''");
        } else if rest[0] == '$' {
            let end = rest.iter().skip(1).position(|letter| *letter == '$').unwrap() + 2;
            let tag: String = rest[..end].iter().collect();
            let body: String = rest[end..].iter().collect();
            let length = body.find(&tag).unwrap();
            at += end + body[..length].chars().count() + end;
            bare.push_str("''");
        } else {
            bare.push(rest[0]);
            at += 1;
        }
    }
    bare
}

fn words(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("E''", "''")
}

#[test]
fn a_name_is_a_name_wherever_it_stands() {
    let plain = words(&bare(&policies(format!("{HEADER}\n{POLICY}\n")).script));
    assert!(plain.contains("SELECT dbms_rls.add_policy("), "control: {plain}");
    for hostile in HOSTILE {
        for column in [
            "OBJECT_OWNER",
            "OBJECT_NAME",
            "POLICY_NAME",
            "PF_OWNER",
            "FUNCTION",
        ] {
            let line: Vec<_> = HEADER
                .split(',')
                .zip(POLICY.split(','))
                .map(|(name, good)| {
                    if name == column {
                        csv(hostile)
                    } else {
                        good.to_owned()
                    }
                })
                .collect();
            let import = policies(format!("{HEADER}\n{}\n", line.join(",")));
            if import.report.has_errors() {
                continue;
            }
            assert_eq!(
                words(&bare(&import.script)),
                plain,
                "{column} = {hostile:?}:\n{}",
                import.script
            );
        }
    }
}

#[test]
fn groups_columns_attributes_and_contexts_are_literals_too() {
    let dumps = |hostile: &str| {
        let group = csv(hostile);
        let policy = POLICY.replace("SYS_DEFAULT", &group);
        [
            source(
                View::PolicyGroups,
                format!("OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP\nHR,EMP,{group}\n"),
            ),
            source(View::Policies, format!("{HEADER}\n{policy}\n")),
            source(
                View::RelevantColumns,
                format!(
                    "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,SEC_REL_COLUMN,COLUMN_OPTION\nHR,EMP,{group},P,{group},NONE\n"
                ),
            ),
            source(
                View::PolicyAttributes,
                format!(
                    "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,NAMESPACE,ATTRIBUTE\nHR,EMP,{group},P,{group},{group}\n"
                ),
            ),
            source(
                View::PolicyContexts,
                format!("OBJECT_OWNER,OBJECT_NAME,NAMESPACE,ATTRIBUTE\nHR,EMP,{group},{group}\n"),
            ),
            source(
                View::Contexts,
                format!("NAMESPACE,SCHEMA,PACKAGE,TYPE\nCTX,{group},{group},ACCESSED LOCALLY\n"),
            ),
        ]
    };
    let plain = words(&bare(&import(&dumps("PLAIN"), false).script));
    for call in [
        "create_context",
        "create_policy_group",
        "add_grouped_policy",
        "alter_grouped_policy",
        "add_policy_context",
    ] {
        assert!(plain.contains(call), "control: {call}");
    }
    for hostile in HOSTILE {
        let import = import(&dumps(hostile), false);
        assert!(!import.report.has_errors(), "{hostile:?}: {}", import.report);
        let is_left_out = import.report.counts.left_out > 0;
        let script = words(&bare(&import.script));
        if !is_left_out {
            assert_eq!(script, plain, "{hostile:?}:\n{}", import.script);
        }
        assert!(!script.contains("DROP"), "{hostile:?}:\n{}", import.script);
    }
}

#[test]
fn the_report_shows_a_hostile_name_in_one_line() {
    let line = POLICY.replace("YES,NO,NO", "\"a\nb\u{1b}[2J\",NO,NO");
    let import = policies(format!("{HEADER}\n{line}\n"));
    let text = import.report.to_string();
    assert!(text.contains("a\\nb\\u{1b}[2J"), "{text}");
    assert!(!text.contains('\u{1b}'));
}
