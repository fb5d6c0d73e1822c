//! The logs of the servers that other test programs started.

use std::fs;

use vpd_tests::{Result, find_secrets, log_folder};

#[test]
fn control_the_search_finds_a_secret_of_each_kind_and_nothing_else() {
    let tail = "Aa0_-".repeat(9);
    for kind in ["vs", "vt", "vm"] {
        let log = format!("ERROR: something with {kind}_{tail} in it");
        assert_eq!(find_secrets(log.as_bytes()).first(), Some(&22), "{kind}");
    }
    for harmless in ["vpd_private.session", "vs_short", "a_vx_", &format!("wm_{tail}")] {
        assert!(find_secrets(harmless.as_bytes()).is_empty(), "{harmless}");
    }
}

#[test]
fn no_secret_is_in_the_logs_of_the_tests_before() -> Result<()> {
    let folder = log_folder();
    fs::create_dir_all(&folder)?;
    let mut findings = vec![];
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let log = fs::read(&path)?;
        // Where, never what: the line number is enough to find it.
        findings.extend(find_secrets(&log).iter().map(|at| {
            let line = log[..*at].iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("{}:{line}", path.display())
        }));
        if findings.is_empty() && !is_in_use(&path) {
            fs::remove_file(&path)?;
        }
    }
    assert!(findings.is_empty(), "secrets in logs: {findings:#?}");
    Ok(())
}

/// True when the process that the name of the log tells still runs: another test program, or this one.
fn is_in_use(log: &std::path::Path) -> bool {
    let name = log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    name.split('-')
        .nth(1)
        .is_some_and(|process| fs::exists(format!("/proc/{process}")).unwrap_or(true))
}
