//! Statements that the server keeps, in functions and prepared ones, are run again as they were written.

use vpd_tests::{Result, role};

use super::scene::people;

#[test]
fn a_function_makes_tables_with_sealed_columns_again_and_again() -> Result<()> {
    let database = people()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE FUNCTION shop.made() RETURNS text LANGUAGE plpgsql AS $$
         BEGIN
             CREATE TABLE shop.made_table (x vpd.sealed_text('pii'), y vpd.sealed_text('other'));
             ALTER TABLE shop.made_table ADD z vpd.sealed_date('pii');
             INSERT INTO shop.made_table VALUES ('a', 'b', '2000-01-01');
             RETURN (SELECT string_agg(format_type(atttypid, atttypmod), ' ') FROM pg_attribute WHERE attrelid = 'shop.made_table'::regclass AND attnum > 0);
         END $$",
    )?;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let types: String = owner.query_one("SELECT shop.made()", &[])?.get(0);
        // What the memory of the first statement held is something else now.
        owner.batch_execute(
            "DROP TABLE shop.made_table; SELECT repeat('x', 1000000) FROM generate_series(1, 3)",
        )?;
        assert_eq!(types.matches("sealed_").count(), 3, "{types}");
        assert!(!seen.contains(&types), "a number was given twice: {types}");
        seen.push(types);
    }
    Ok(())
}
