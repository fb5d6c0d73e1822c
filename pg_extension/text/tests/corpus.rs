//! The kept corpora of the fuzz targets: real samples, and what fuzzing found. Every property holds for each of them.

use std::fs;
use std::path::Path;
use vpd_text::property::ALL;

#[test]
fn every_property_holds_for_its_kept_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut targets = 0;
    for (name, hold) in ALL {
        assert!(
            folder.join(format!("targets/{name}.rs")).exists(),
            "{name} is not fuzzed"
        );
        let mut files: Vec<_> = fs::read_dir(folder.join("corpus").join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name} begins with nothing");
        for file in files {
            // Told when the property fails, which does not know the file.
            println!("{}", file.display());
            hold(&fs::read(&file).unwrap());
        }
        targets += 1;
    }
    let all = fs::read_dir(folder.join("targets")).unwrap().count();
    assert_eq!(targets, all, "a target has no property of its name");
}
