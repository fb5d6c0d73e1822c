//! Forms of dumps: what the client programs write around the rows, and that CSV and JSON say the same.

use vpd_text::oracle::View;
use vpd_text::oracle::{Source, import};

use super::{HEADER, POLICY, findings, policies, source};

#[test]
fn decoration_of_the_client_programs_is_known() {
    let plain = policies(format!("{HEADER}\n{POLICY}\n"));
    assert!(!plain.report.has_errors(), "{}", plain.report);
    assert_eq!(plain.report.counts.policies, 1);
    for decorated in [
        format!("\n\n{HEADER}\n{POLICY}\n\n1 row selected.\n"),
        format!("\u{feff}{HEADER}\r\n{POLICY}\r\n"),
        format!("{}\n{POLICY}\n", HEADER.to_lowercase()),
        format!("{HEADER}\n{POLICY}\n{HEADER}\n\n1 rows selected. \n"),
    ] {
        let import = policies(decorated.clone());
        assert!(!import.report.has_errors(), "{decorated}: {}", import.report);
        assert_eq!(import.script, plain.script, "{decorated}");
    }
    for empty in [
        "no rows selected\n".to_owned(),
        format!("{HEADER}\n"),
        format!("{HEADER}\n0 rows selected.\n"),
    ] {
        let import = policies(empty.clone());
        assert!(!import.report.has_errors(), "{empty}: {}", import.report);
        assert_eq!(import.report.counts.policies, 0);
    }
}

#[test]
fn csv_and_json_say_the_same() {
    let columns: Vec<_> = HEADER.split(',').collect();
    let header: Vec<_> = columns
        .iter()
        .map(|name| format!("{{\"name\":\"{name}\",\"type\":\"VARCHAR2\"}}"))
        .collect();
    let items: Vec<_> = columns
        .iter()
        .zip(POLICY.split(','))
        .map(|(name, value)| match value {
            "" => format!("\"{}\":null", name.to_lowercase()),
            value => format!("\"{}\":\"{value}\"", name.to_lowercase()),
        })
        .collect();
    let json = format!(
        "{{\"results\":[{{\"columns\":[{}],\"items\":\n[\n{{{}}}\n]}}]}}\n",
        header.join(","),
        items.join(",")
    );
    let from_csv = policies(format!("{HEADER}\n{POLICY}\n"));
    let from_json = policies(json);
    assert!(!from_json.report.has_errors(), "{}", from_json.report);
    assert_eq!(from_json.script, from_csv.script);
}

#[test]
fn fields_with_quotes_commas_and_lines_are_read_whole() {
    let import = policies(format!(
        "{HEADER}\n\"HR\",\"A \"\"table\"\", of\nthree words\",SYS_DEFAULT,P,HR,,F,YES,NO,NO,NO,NO,NO,YES,DYNAMIC,NO\n"
    ));
    assert!(!import.report.has_errors(), "{}", import.report);
    assert!(
        import
            .script
            .contains("object_name => '\"A \"\"table\"\", of\nthree words\"'"),
        "{}",
        import.script
    );
}

#[test]
fn older_dumps_have_fewer_columns() {
    let header = "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,PF_OWNER,PACKAGE,FUNCTION,SEL,INS,UPD,DEL,CHK_OPTION,ENABLE,STATIC_POLICY";
    let import = policies(format!(
        "{header}\nHR,EMP,SYS_DEFAULT,P,HR,,F,YES,NO,NO,NO,NO,YES,YES\n"
    ));
    assert!(!import.report.has_errors(), "{}", import.report);
    assert!(
        import.script.contains("policy_type => dbms_rls.static()"),
        "{}",
        import.script
    );
}

#[test]
fn a_group_that_only_a_policy_names_is_created() {
    let line = POLICY.replace("SYS_DEFAULT", "SHOP");
    let import = policies(format!("{HEADER}\n{line}\n"));
    assert!(import.script.contains("policy_group => 'SHOP'"));
    assert_eq!(import.script.matches("dbms_rls.create_policy_group(").count(), 1);
    // With a dump of the groups it has to be among them.
    let groups = source(View::PolicyGroups, "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP\n");
    let sources = [groups, source(View::Policies, format!("{HEADER}\n{line}\n"))];
    assert_eq!(findings(&import_of(&sources), "group_unknown").len(), 1);
}

#[test]
fn names_that_become_one_are_an_error() {
    let content = format!("{HEADER}\n{POLICY}\n{}\n", POLICY.replace("EMP,", "emp,"));
    assert_eq!(findings(&policies(content.clone()), "name_collision").len(), 1);
    let kept = import(&[source(View::Policies, content)], true);
    assert!(!kept.report.has_errors(), "{}", kept.report);
}

fn import_of(sources: &[Source]) -> vpd_text::oracle::Import {
    import(sources, false)
}
