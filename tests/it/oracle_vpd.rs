//! The scripts of `tests/pg/oracle_vpd`, run by psql, each in a fresh database and compared with what it is expected to print. Tables that many
//! begin with stand in `prologue`.
//!
//! Only the line that names a place in the source of the server is left out. `UPDATE_EXPECTED=1` writes the expected files anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vpd_tests::{Cluster, Database, Result};

/// Beyond this a script hangs.
const STATEMENT_TIMEOUT: &str = "-c statement_timeout=60s";

macro_rules! scripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() -> Result<()> {
                check(file_name(stringify!($name)))
            }
        )*
        const SCRIPTS: &[&str] = &[$(stringify!($name)),*];
    };
}

// A name of a function cannot begin with a digit.
scripts! {
    _01_row_policy_by_department
    _02_positional_call
    _03_named_notation
    _04_select_only
    _05_statement_types
    _06_update_check_off
    _07_update_check_on
    _08_order_entry_context
    _09_relevant_columns_in_queries
    _10_relevant_columns_in_sub_queries
    _11_relevant_columns_in_writes
    _12_policy_group_per_application
    _13_several_driving_contexts
    _14_null_driving_context
    _15_invalid_group
    _16_static
    _17_shared_static
    _18_context_sensitive
    _19_shared_context_sensitive
    _20_dynamic
    _21_attribute_association
    _22_refresh
    _23_index
    _24_enable_and_disable
    _25_drop_policy
    _26_null_predicate
    _27_broken_predicate
    _28_failing_function
    _29_missing_function
    _30_circular_policy
    _31_exists_and_does_not
    _32_unsuitable_objects
    _33_long_predicate
    _34_names
    _35_package_functions
    _36_policies_are_anded
    _37_views
    _38_joins
    _39_sub_query_predicate
    _40_plpgsql_callers
    _41_partitioned_table
    _42_search_path_for_synonyms
    _43_exemption
    _44_merge_and_upsert
    _45_copy_and_whole_tables
    _46_effective_predicate
    _47_prepared_statements_and_cursors
    _48_who_administers
    _49_rights_of_the_function
    _50_context_sensitive_to_set_context
    _51_driving_context_set_by_a_package
    _52_global_context
    _53_dictionary
    _54_masked_commission
}

#[test]
fn every_script_is_run_and_has_its_expected_output() -> Result<()> {
    let run: BTreeSet<String> = SCRIPTS.iter().map(|name| file_name(name).to_owned()).collect();
    assert_eq!(stems("sql")?, run, "add the script to the list above");
    assert_eq!(
        stems("expected")?,
        run,
        "UPDATE_EXPECTED=1 writes what is missing"
    );
    assert!(run.len() >= 30);
    Ok(())
}

fn file_name(test: &str) -> &str {
    test.trim_start_matches('_')
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("pg/oracle_vpd")
        .join(name)
}

fn stems(name: &str) -> Result<BTreeSet<String>> {
    let mut stems = BTreeSet::new();
    for entry in fs::read_dir(folder(name))? {
        let path = entry?.path();
        stems.insert(
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        );
    }
    Ok(stems)
}

/// Runs a script and compares.
fn check(name: &str) -> Result<()> {
    let printed = run(name)?;
    let expected = folder("expected").join(name).with_extension("out");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        return Ok(fs::write(expected, printed)?);
    }
    if fs::read(&expected).unwrap_or_default() == printed {
        return Ok(());
    }
    let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.out"));
    fs::write(&actual, &printed)?;
    let difference = Command::new("diff")
        .arg("-u")
        .arg(&expected)
        .arg(&actual)
        .output()?;
    Err(format!(
        "{name} prints something else:\n{}",
        String::from_utf8_lossy(&difference.stdout)
    )
    .into())
}

/// What psql prints, results and errors in the order in which they came.
fn run(name: &str) -> Result<Vec<u8>> {
    // Some scripts count how often a function ran: one at a time, where nobody else's definitions make it run again.
    let (_turn, cluster) = Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    let scripts = folder("sql");
    let script = scripts.join(name).with_extension("sql");
    let (mut reader, writer) = std::io::pipe()?;
    let mut psql = database
        .cluster()
        .client_program("psql", "postgres")
        .args(["-X", "-a", "-q", "-v", "VERBOSITY=verbose"])
        .arg(database.name())
        .env("PGOPTIONS", STATEMENT_TIMEOUT)
        .env("PGTZ", "UTC")
        .current_dir(scripts)
        .stdin(Stdio::from(fs::File::open(script)?))
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut reader, &mut printed)?;
    psql.wait()?;
    let mut kept = String::new();
    for line in printed.lines().filter(|line| !line.starts_with("LOCATION:  ")) {
        kept.push_str(line);
        kept.push('\n');
    }
    Ok(kept.into_bytes())
}
