//! Statements without their constants.

use crate::statement::without_constants;

/// What was left has no constant any more, and a constant leaves nothing, whatever stands in it.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let once = without_constants(text);
    assert_eq!(without_constants(&once), once);
    let secret = text.replace('\\', "").replace('\'', "''");
    let statement = format!("SELECT E'{secret}', '{secret}', a");
    assert_eq!(without_constants(&statement), "SELECT ?, ?, a");
}
