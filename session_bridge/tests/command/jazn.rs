//! `session-bridge policy jazn`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use vpd_text::store::form;

const SAMPLE: &str = include_str!("../../../pg_extension/text/tests/jazn/purchasing.xml");

struct Folder(PathBuf);

impl Folder {
    fn create(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jazn_{}_{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_session-bridge"))
            .args(["policy", "jazn"])
            .args(arguments)
            .current_dir(&self.0)
            .env_clear()
            .output()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_becomes_definitions_and_a_report() {
    let folder = Folder::create("sample");
    fs::write(folder.0.join("jazn-data.xml"), SAMPLE).unwrap();
    let output = folder.run(&["jazn-data.xml", "--app", "purchasing"]);
    assert!(output.status.success(), "{output:?}");
    let document = form::read(&String::from_utf8(output.stdout.clone()).unwrap()).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["roles"].as_array().map(Vec::len), Some(6));
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(report.contains("role category Procurement"), "{report}");

    assert!(folder.run(&["jazn-data.xml", "-o", "out.toml"]).status.success());
    assert_eq!(fs::read(folder.0.join("out.toml")).unwrap(), output.stdout);
    let again = folder.run(&["jazn-data.xml", "-o", "out.toml"]);
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten");
}

#[test]
fn a_bad_file_is_an_error() {
    let folder = Folder::create("bad");
    fs::write(folder.0.join("bad.xml"), "<jazn-data>").unwrap();
    for arguments in [&["bad.xml"][..], &["missing.xml"]] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
    }
}
