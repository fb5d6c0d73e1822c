//! The dumps of a small sales application.

use vpd_text::oracle::View;
use vpd_text::oracle::{Import, Source, import};

use super::findings;

fn sample(keep_case: bool) -> Import {
    let dump = |view: View, file: &str, content: &str| Source {
        view,
        file: file.to_owned(),
        content: content.as_bytes().to_vec(),
    };
    let sources = [
        dump(
            View::Policies,
            "dba_policies.csv",
            include_str!("dumps/dba_policies.csv"),
        ),
        dump(
            View::PolicyGroups,
            "dba_policy_groups.csv",
            include_str!("dumps/dba_policy_groups.csv"),
        ),
        dump(
            View::PolicyContexts,
            "dba_policy_contexts.json",
            include_str!("dumps/dba_policy_contexts.json"),
        ),
        dump(
            View::PolicyAttributes,
            "dba_policy_attributes.csv",
            include_str!("dumps/dba_policy_attributes.csv"),
        ),
        dump(
            View::RelevantColumns,
            "dba_sec_relevant_cols.csv",
            include_str!("dumps/dba_sec_relevant_cols.csv"),
        ),
        dump(
            View::Contexts,
            "dba_context.json",
            include_str!("dumps/dba_context.json"),
        ),
        dump(
            View::Objects,
            "dba_objects.csv",
            include_str!("dumps/dba_objects.csv"),
        ),
    ];
    import(&sources, keep_case)
}

/// The statements of a script that do something, without blanks.
fn statements(script: &str) -> Vec<String> {
    let code: String = script
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect::<Vec<_>>()
        .join(" ");
    code.split(';')
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|statement| statement.starts_with("SELECT dbms_rls") || statement.starts_with("SELECT vpd"))
        .collect()
}

#[test]
fn every_definition_becomes_a_call_in_the_order_in_which_they_work() {
    let import = sample(false);
    assert!(!import.report.has_errors(), "{}", import.report);
    let expected = [
        "SELECT vpd.create_context( namespace => 'HR_CTX', trusted_function => '\"sec_mgr\".\"hr_ctx_pkg\"', accessed_globally => false )",
        "SELECT vpd.create_context( namespace => 'SHOP_CTX', trusted_function => '\"oe\".\"shop_ctx_pkg\"', accessed_globally => true )",
        "SELECT dbms_rls.create_policy_group( object_schema => 'oe', object_name => 'orders', policy_group => 'WEB_SHOP' )",
        "SELECT dbms_rls.add_policy( object_schema => 'hr', object_name => 'employees', policy_name => 'emp_by_department', function_schema => 'sec_mgr', policy_function => 'hr_security.by_department', statement_types => 'SELECT,INSERT,UPDATE,DELETE', update_check => true, enable => true, policy_type => dbms_rls.context_sensitive() )",
        "SELECT dbms_rls.alter_policy( object_schema => 'hr', object_name => 'employees', policy_name => 'emp_by_department', alter_option => dbms_rls.add_attribute_association(), namespace => 'HR_CTX', attribute => 'DEPARTMENT_ID' )",
        "SELECT dbms_rls.add_policy( object_schema => 'hr', object_name => 'employees', policy_name => 'emp_salary', function_schema => 'sec_mgr', policy_function => 'hr_security.own_salary', statement_types => 'SELECT', update_check => false, enable => true, policy_type => dbms_rls.dynamic(), sec_relevant_cols => 'salary,commission_pct', sec_relevant_cols_opt => dbms_rls.all_rows() )",
        "SELECT dbms_rls.add_policy( object_schema => 'oe', object_name => 'orders', policy_name => 'orders_of_customer', function_schema => 'oe', policy_function => 'customer_orders', statement_types => 'SELECT', update_check => false, enable => true, policy_type => dbms_rls.shared_static(), long_predicate => true )",
        "SELECT dbms_rls.add_grouped_policy( object_schema => 'oe', object_name => 'orders', policy_group => 'WEB_SHOP', policy_name => 'orders_of_shop', function_schema => 'oe', policy_function => 'customer_orders', statement_types => 'SELECT,INSERT,UPDATE,INDEX', update_check => true, enable => false, policy_type => dbms_rls.static() )",
        "SELECT dbms_rls.add_policy( object_schema => 'oe', object_name => '\"Price List\"', policy_name => '\"Price \"\"Policy\"\"\"', function_schema => 'oe', policy_function => 'prices', statement_types => 'SELECT', update_check => false, enable => true, policy_type => dbms_rls.dynamic() )",
        "SELECT dbms_rls.add_policy_context( object_schema => 'oe', object_name => 'orders', namespace => 'SHOP_CTX', attribute => 'POLICY_GROUP' )",
    ];
    assert_eq!(statements(&import.script), expected);
}

#[test]
fn what_needs_a_hand_is_listed_with_its_line() {
    let import = sample(false);
    let functions: Vec<_> = findings(&import, "policy_function")
        .iter()
        .map(|finding| finding.object.clone().unwrap())
        .collect();
    assert_eq!(
        functions,
        [
            "PL/SQL function SEC_MGR.HR_SECURITY.BY_DEPARTMENT",
            "PL/SQL function SEC_MGR.HR_SECURITY.OWN_SALARY",
            "PL/SQL function OE.CUSTOMER_ORDERS",
            "PL/SQL function OE.PRICES"
        ]
    );
    let left_out: Vec<_> = findings(&import, "policy_left_out")
        .iter()
        .map(|finding| finding.place.as_ref().unwrap().line)
        .collect();
    assert_eq!(left_out, [8, 9, 10, 11]);
    for code in [
        "null_predicate",
        "exemptions",
        "index_statement",
        "policy_disabled",
        "package",
        "name_quoted",
    ] {
        assert_eq!(findings(&import, code).len(), 1, "{code}");
    }
    assert_eq!(findings(&import, "trusted_function").len(), 2);
    assert_eq!(findings(&import, "context_left_out").len(), 2);
}

#[test]
fn each_function_has_a_stub_and_each_policy_left_out_is_a_comment() {
    let script = sample(false).script;
    for stub in [
        "-- CREATE FUNCTION \"hr_security\".\"by_department\"(object_schema text, object_name text) RETURNS text",
        "-- CREATE FUNCTION \"oe\".\"customer_orders\"(object_schema text, object_name text) RETURNS text",
        "-- CREATE PROCEDURE \"sec_mgr\".\"hr_ctx_pkg\"()",
        "--     policy_name => 'salaries_ols',",
        "--     policy_name => 'overview',",
    ] {
        assert_eq!(script.matches(stub).count(), 1, "{stub}");
    }
}

#[test]
fn case_can_be_kept() {
    let script = sample(true).script;
    assert!(script.contains("object_name => '\"EMPLOYEES\"'"), "{script}");
    assert!(script.contains("policy_function => '\"HR_SECURITY\".\"BY_DEPARTMENT\"'"));
}

#[test]
fn the_report_is_readable_by_programs() {
    let import = sample(false);
    let report: serde_json::Value = serde_json::from_str(&import.report.to_json()).unwrap();
    assert_eq!(report["counts"]["policies"], 5);
    assert_eq!(report["counts"]["left_out"], 4);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), import.report.findings.len());
    let left_out = findings
        .iter()
        .find(|finding| finding["code"] == "policy_left_out")
        .unwrap();
    assert_eq!(left_out["severity"], "hand");
    assert_eq!(left_out["file"], "dba_policies.csv");
    assert_eq!(left_out["line"], 8);
}
