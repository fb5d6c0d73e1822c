//! Verifying an export.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use vpd_text::identity::{Key, Offered, read_keys};
use vpd_text::trail::{Verification, Verified};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Longest line that is read.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Looks at a file, tells what it came to; false when it is not what was written.
pub(super) fn verify(file: &Path, keys: &Path) -> Outcome<bool> {
    let keys = read(keys)?;
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    let mut input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).map_err(failed)?))
    };
    let mut verification = Verification::with(&keys);
    let mut line = String::new();
    for place in 1.. {
        line.clear();
        let count = io::Read::take(&mut input, LONGEST)
            .read_line(&mut line)
            .map_err(failed)?;
        if count == 0 {
            break;
        }
        if let Err(reason) = verification.line(line.trim_end()) {
            println!("line {place}: {reason}");
            return Ok(false);
        }
    }
    match verification.end() {
        Ok(verified) => {
            tell(&verified);
            Ok(true)
        }
        Err(reason) => {
            println!("{reason}");
            Ok(false)
        }
    }
}

fn read(file: &Path) -> Outcome<Vec<Key>> {
    let failed = |reason: String| format!("{}: {reason}", file.display());
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let document = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let offered = read_keys(&document).map_err(failed)?;
    Ok(offered
        .into_iter()
        .filter_map(|offered| match offered {
            Offered::Key(key) => Some(key),
            _ => None,
        })
        .collect())
}

fn tell(verified: &Verified) {
    println!(
        "intact: {} records behind record {}, {} of them erased, {} checkpoints",
        verified.records, verified.begins_behind, verified.erased, verified.checkpoints
    );
    match verified.signed_up_to {
        Some(sequence) => println!("signed up to record {sequence}"),
        None => println!(
            "no checkpoint is signed by one of the keys: whoever wrote the file can have made all of it"
        ),
    }
}
