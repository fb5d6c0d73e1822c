//! Columns that look like personal data are proposed, the others are not, and no value is told.

use vpd_tests::{Database, Result, assert_denied_to_all_but, assert_refused, role};

#[test]
fn personal_data_is_found_by_names_and_by_values() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE TABLE clients (
             id integer, email text, contact text, card text, dob date, since date, iban varchar(40), company text, mobile bigint, remark text, empty_phone text
         );
         INSERT INTO clients
             SELECT n, 'a' || n || '@planted.example', '+49 30 12345' || lpad(n::text, 2, '0'), '4111 1111 1111 1111', '1980-01-01', '2020-01-01',
                    'DE89 3704 0044 0532 0130 00', 'ACME', 4930123456 + n, CASE n WHEN 1 THEN 'see x@y.example' ELSE 'nothing' END, NULL
               FROM generate_series(1, 20) n;
         CREATE TABLE \"Odd\"\" ; table\" (\"ssn'; \"\"x\" text);
         INSERT INTO \"Odd\"\" ; table\" VALUES ('123-45-6789');
         SELECT vpd.create_key('pii', 'pii:read');
         CREATE TABLE sealed_already (email vpd.sealed_text('pii'));
         SELECT vpd.add_policy('clients', 'nobody', 'false')",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let rows = security.query(
        "SELECT relation::regclass::text, column_name, category, confidence, reason FROM vpd.find_personal_data()",
        &[],
    )?;
    let found: Vec<(String, String, String)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    for (table, column, category) in [
        ("clients", "email", "email"),
        ("clients", "contact", "phone"),
        ("clients", "card", "card"),
        ("clients", "dob", "birth_date"),
        ("clients", "iban", "bank_account"),
        ("clients", "mobile", "phone"),
        ("clients", "empty_phone", "phone"),
        ("\"Odd\"\" ; table\"", "ssn'; \"x", "national_id"),
    ] {
        let line = (table.to_owned(), column.to_owned(), category.to_owned());
        assert!(found.contains(&line), "{line:?} in {found:?}");
    }
    for column in ["id", "since", "company", "remark"] {
        assert!(!found.iter().any(|(_, found, _)| found == column), "{column}");
    }
    assert!(
        !found
            .iter()
            .any(|(table, ..)| table.contains("sealed_already") || table.starts_with("vpd"))
    );
    let confidence = |column: &str| {
        rows.iter()
            .find(|row| row.get::<_, &str>(1) == column)
            .map(|row| row.get::<_, f64>(3))
    };
    assert_eq!(confidence("email"), Some(1.0));
    assert_eq!(confidence("empty_phone"), Some(0.5));
    let told: String = rows.iter().map(|row| row.get::<_, String>(4)).collect();
    assert!(!told.contains("planted"), "{told}");
    let one = "SELECT count(*) FROM vpd.find_personal_data('clients', 0) WHERE reason LIKE '%values%'";
    assert_eq!(security.query_one(one, &[])?.get::<_, i64>(0), 0);
    for arguments in ["NULL, -1", "NULL, 100001", "NULL, NULL"] {
        assert_refused(
            security.batch_execute(&format!("SELECT vpd.find_personal_data({arguments})")),
            "22023",
            "argument_invalid",
        );
    }
    assert_denied_to_all_but(&database, &[role::SECURITY], &["SELECT vpd.find_personal_data()"])
}
