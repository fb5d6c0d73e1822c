//! Where the trail ends, as the last transaction of the scribe left it.

use crate::sys::spi::statements;
use vpd_text::trail::Digest;

statements! {
    STATE = "trail/state.sql";
}

/// Where it ends.
pub struct End {
    /// The last record; 0 before the first.
    pub sequence: i64,
    /// Its hash.
    pub hash: Digest,
    /// The ring that it came through, and its number there.
    pub ring: Option<Vec<u8>>,
    pub number: i64,
}

/// Where it ends now; `None` when somebody damaged that.
pub fn end() -> Option<End> {
    let found = STATE.with(|statement| {
        statement.query_one(&[], |row| {
            Some(End {
                sequence: row.required(1),
                hash: Digest::try_from(row.required::<Vec<u8>>(2)).ok()?,
                ring: row.get(3),
                number: row.required(4),
            })
        })
    });
    found.flatten()
}

/// The last record there is now.
pub fn last_sequence() -> i64 {
    end().map_or(0, |end| end.sequence)
}
