//! Bad dumps: every bad line is reported with file, line, column, value and reason, and the good ones are still read.

use vpd_text::oracle::View;
use vpd_text::oracle::report::Severity;
use vpd_text::oracle::{Source, import};

use super::{HEADER, POLICY, findings, policies, source};

/// A good policy with one field changed.
fn with(column: &str, value: &str) -> String {
    let fields: Vec<_> = HEADER
        .split(',')
        .zip(POLICY.split(','))
        .map(|(name, good)| if name == column { value } else { good })
        .collect();
    fields.join(",")
}

#[test]
fn a_bad_value_is_reported_with_its_place() {
    let long = "X".repeat(64);
    for (column, value, code) in [
        ("SEL", "Y", "value_unknown"),
        ("SEL", "", "value_unknown"),
        ("ENABLE", "yes", "value_unknown"),
        ("CHK_OPTION", "MAYBE", "value_unknown"),
        ("POLICY_TYPE", "STATICS", "value_unknown"),
        ("OBJECT_OWNER", "", "value_missing"),
        ("OBJECT_NAME", " ", "value_missing"),
        ("FUNCTION", "", "value_missing"),
        ("POLICY_NAME", "VPD_GUARD", "name_invalid"),
        ("OBJECT_NAME", long.as_str(), "name_too_long"),
    ] {
        let other = POLICY.replace(",P,", ",GOOD,");
        let import = policies(format!("{HEADER}\n{other}\n{}\n", with(column, value)));
        let found = findings(&import, code);
        assert_eq!(found.len(), 1, "{column} = {value}: {}", import.report);
        let place = found[0].place.as_ref().unwrap();
        assert_eq!(
            (place.file.as_str(), place.line),
            ("dba_policies.csv", 3),
            "{column}"
        );
        assert_eq!(found[0].column.as_deref(), Some(column));
        assert_eq!(found[0].value.as_deref(), Some(value));
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(import.report.counts.policies, 1, "the good line is read");
        let line = import.report.to_string();
        assert!(line.contains("dba_policies.csv:3: "), "{line}");
    }
}

#[test]
fn every_bad_line_is_reported_and_not_only_the_first() {
    let bad: Vec<_> = (0..50)
        .map(|number| with("POLICY_NAME", &format!("P{number}")).replace("DYNAMIC", "??"))
        .collect();
    let import = policies(format!("{HEADER}\n{}\n", bad.join("\n")));
    let lines: Vec<_> = findings(&import, "value_unknown")
        .iter()
        .map(|finding| finding.place.as_ref().unwrap().line)
        .collect();
    assert_eq!(lines, (2..52).collect::<Vec<u64>>());
}

#[test]
fn a_bad_form_is_reported() {
    for (content, code, line) in [
        (format!("{HEADER}\n{POLICY},MORE\n"), "csv_invalid", 2),
        (format!("{HEADER}\n{POLICY}\nHR,EMP\n"), "csv_invalid", 3),
        (format!("{HEADER}\nSQL> spool off\n"), "csv_invalid", 2),
        (format!("{HEADER}\n\"HR,EMP\n{POLICY}\n"), "csv_invalid", 2),
        (format!("{POLICY}\n"), "column_missing", 1),
        (
            format!("SQL> SELECT * FROM dba_policies;\n{HEADER}\n{POLICY}\n"),
            "column_missing",
            1,
        ),
        (
            "OBJECT_OWNER,OBJECT_NAME\nHR,EMP\n".to_owned(),
            "column_missing",
            1,
        ),
        (String::new(), "header_missing", 1),
        (
            format!("{HEADER}\n{POLICY}\n12 rows selected.\n"),
            "rows_missing",
            3,
        ),
        (format!("{HEADER}\n{POLICY}\nHR,EM\0P\n"), "encoding_invalid", 3),
        (
            "{\"results\":[{\"items\":[{\"object_owner\":\"HR\"}]}]}".to_owned(),
            "column_missing",
            1,
        ),
        (
            "{\"results\":[{\"items\":[\n1\n]}]}".to_owned(),
            "json_invalid",
            2,
        ),
        (
            "{\"results\":[\n{\"items\":\n[{\"object_owner\":\"HR\",}".to_owned(),
            "json_invalid",
            3,
        ),
        ("{\"rows\":[]}".to_owned(), "json_invalid", 1),
        (
            "{\"results\":[{\"items\":[\n{\"object_owner\":{}}]}]}".to_owned(),
            "json_invalid",
            2,
        ),
    ] {
        let import = policies(content.clone());
        let found = findings(&import, code);
        assert_eq!(found.len(), 1, "{content}: {}", import.report);
        assert_eq!(found[0].place.as_ref().unwrap().line, line, "{content}");
        assert!(import.report.has_errors());
    }
    let mut bytes = format!("{HEADER}\n{POLICY}\n").into_bytes();
    bytes.extend(b"HR,\xffEMP");
    let import = policies(bytes);
    assert_eq!(
        findings(&import, "encoding_invalid")[0]
            .place
            .as_ref()
            .unwrap()
            .line,
        3
    );
}

#[test]
fn what_is_there_twice_is_reported() {
    assert_eq!(
        findings(&policies(format!("{HEADER}\n{POLICY}\n{POLICY}\n")), "duplicate").len(),
        1
    );
    let in_other_group = POLICY.replace("SYS_DEFAULT", "SHOP");
    assert_eq!(
        findings(
            &policies(format!("{HEADER}\n{POLICY}\n{in_other_group}\n")),
            "duplicate"
        )
        .len(),
        1
    );
    let twice = |view: View, header: &str, line: &str| -> Source {
        source(view, format!("{header}\n{line}\n{line}\n"))
    };
    for (view, header, line) in [
        (
            View::PolicyGroups,
            "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP",
            "HR,EMP,SHOP",
        ),
        (
            View::PolicyContexts,
            "OBJECT_OWNER,OBJECT_NAME,NAMESPACE,ATTRIBUTE",
            "HR,EMP,CTX,A",
        ),
        (
            View::RelevantColumns,
            "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,SEC_REL_COLUMN,COLUMN_OPTION",
            "HR,EMP,SYS_DEFAULT,P,SALARY,NONE",
        ),
        (
            View::PolicyAttributes,
            "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,NAMESPACE,ATTRIBUTE",
            "HR,EMP,SYS_DEFAULT,P,CTX,A",
        ),
        (
            View::Contexts,
            "NAMESPACE,SCHEMA,PACKAGE,TYPE",
            "CTX,HR,PKG,ACCESSED LOCALLY",
        ),
    ] {
        let sources = [
            source(View::Policies, format!("{HEADER}\n{POLICY}\n")),
            twice(view, header, line),
        ];
        let import = import(&sources, false);
        assert_eq!(
            findings(&import, "duplicate").len(),
            1,
            "{header}: {}",
            import.report
        );
    }
}

#[test]
fn what_refers_to_nothing_is_reported() {
    let columns = source(
        View::RelevantColumns,
        "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,SEC_REL_COLUMN,COLUMN_OPTION\nHR,EMP,SYS_DEFAULT,OTHER,SALARY,NONE\nHR,EMP,SYS_DEFAULT,P,SALARY,SOME\n",
    );
    let sources = [source(View::Policies, format!("{HEADER}\n{POLICY}\n")), columns];
    let import = import(&sources, false);
    assert_eq!(findings(&import, "policy_unknown").len(), 1);
    assert_eq!(findings(&import, "value_unknown").len(), 1);
}

#[test]
fn contexts_are_checked() {
    let header = "NAMESPACE,SCHEMA,PACKAGE,TYPE";
    for (line, code) in [
        ("CTX,HR,PKG,ACCESSED SOMEHOW", "value_unknown"),
        ("\"MY CTX\",HR,PKG,ACCESSED LOCALLY", "name_invalid"),
        ("USERENV,HR,PKG,ACCESSED LOCALLY", "name_invalid"),
        ("CTX,,PKG,ACCESSED LOCALLY", "value_missing"),
    ] {
        let import = import(&[source(View::Contexts, format!("{header}\n{line}\n"))], false);
        assert_eq!(findings(&import, code).len(), 1, "{line}: {}", import.report);
    }
}
