//! `session-bridge oracle-import`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const HEADER: &str = "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,PF_OWNER,PACKAGE,FUNCTION,SEL,INS,UPD,DEL,IDX,CHK_OPTION,ENABLE,POLICY_TYPE,LONG_PREDICATE";
const POLICY: &str = "HR,EMP,SYS_DEFAULT,P,HR,,F,YES,NO,NO,NO,NO,NO,YES,DYNAMIC,NO";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn create(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oracle_import_{}_{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_session-bridge"))
        .arg("oracle-import")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_folder_of_dumps_gives_a_script_and_a_report_without_any_configuration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pg_extension/text/tests/oracle/dumps");
    let output = run(&[&folder.display().to_string()], Path::new("/"));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("SELECT dbms_rls.add_policy("));
    assert!(stderr(&output).contains("needs a hand"));
}

#[test]
fn nothing_is_written_when_a_line_is_bad_unless_forced() {
    let folder = Folder::create("bad");
    folder.write(
        "DBA_POLICIES.CSV",
        &format!(
            "{HEADER}\n{POLICY}\n{}\n",
            POLICY.replace(",P,", ",Q,").replace("DYNAMIC", "?")
        ),
    );
    let output = run(&[".", "--output", "script.sql"], &folder.0);
    assert_eq!(output.status.code(), Some(1));
    assert!(!folder.0.join("script.sql").exists());
    assert!(
        stderr(&output).contains("DBA_POLICIES.CSV:3: POLICY_TYPE = \"?\""),
        "{}",
        stderr(&output)
    );
    let output = run(&["."], &folder.0);
    assert!(stdout(&output).is_empty());

    let forced = run(&[".", "--output", "script.sql", "--force"], &folder.0);
    assert_eq!(forced.status.code(), Some(1));
    let script = fs::read_to_string(folder.0.join("script.sql")).unwrap();
    assert_eq!(script.matches("dbms_rls.add_policy(").count(), 1);
}

#[test]
fn files_are_named_by_options_and_reports_are_written_as_json() {
    let folder = Folder::create("files");
    folder.write("spooled.lst", &format!("{HEADER}\n{POLICY}\n"));
    let output = run(
        &[
            "--policies",
            "spooled.lst",
            "--output",
            "script.sql",
            "--report",
            "json",
            "--report-output",
            "report.json",
        ],
        &folder.0,
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.0.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["counts"]["policies"], 1);
    // A script that somebody reviewed is not overwritten.
    let again = run(
        &["--policies", "spooled.lst", "--output", "script.sql"],
        &folder.0,
    );
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("script.sql"), "{}", stderr(&again));
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = Folder::create("missing");
    for arguments in [
        vec!["."],
        vec![],
        vec!["--policies", "nothing.csv"],
        vec!["nowhere"],
    ] {
        let output = run(&arguments, &folder.0);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stdout(&output).is_empty());
        assert!(!stderr(&output).is_empty());
    }
    folder.write("dba_policies.csv", "");
    folder.write("all_policies.json", "");
    let two = run(&["."], &folder.0);
    assert!(
        stderr(&two).contains("dumps of the same view"),
        "{}",
        stderr(&two)
    );
}
