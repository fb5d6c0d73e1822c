//! Columns that look like personal data: by their names, and by some of their values. No value leaves this file.

use crate::context;
use crate::error::{Error, Result};
use crate::sys::spi::{arg, null_oid_arg, oid_arg, query_as_owner_of, statements};
use crate::sys::{Oid, relation, xact};
use vpd_text::personal::{Category, by_name, by_values};

statements! {
    CANDIDATES = scanning "personal/candidates.sql";
}

const MAX_SAMPLE: i32 = 100_000;
/// A smaller share of values that look alike says nothing.
const LEAST_SHARE: f64 = 0.2;

/// A column that may hold personal data.
pub struct Found {
    pub relation: Oid,
    pub column: String,
    pub category: Category,
    /// From 0 to 1.
    pub confidence: f64,
    pub reason: String,
}

/// Columns in the clear of one table, or of all, that look like personal data; the surest first.
pub fn find(table: Option<Oid>, sample_rows: i32) -> Result<Vec<Found>> {
    if !(0..=MAX_SAMPLE).contains(&sample_rows) {
        return Err(Error::argument("sample_rows is out of range", "Use 0 to 100000."));
    }
    let wanted = table.map_or_else(null_oid_arg, oid_arg);
    let candidates = CANDIDATES.with(|statement| {
        statement.query(&[wanted, arg(sample_rows)], |row| {
            (
                row.required::<Oid>(1),
                row.required::<String>(2),
                row.required::<bool>(3),
                row.required::<String>(4),
            )
        })
    });
    let mut found = Vec::new();
    for (relation, column, is_date, query) in candidates {
        let named = by_name(&column).filter(|category| !is_date || *category == Category::BirthDate);
        let told = if is_date || sample_rows == 0 || !relation::lock_for_reading(relation) {
            None
        } else {
            // Where code of the owner stops it, the name of the column has to do.
            let values = xact::attempt_among_others(|| {
                Ok(context::without_session(|| {
                    query_as_owner_of(relation, true, &query, &[], |row| row.get::<String>(1))
                }))
            })
            .unwrap_or_default();
            by_values(values.iter().flatten().map(String::as_str)).filter(|(_, share)| *share >= LEAST_SHARE)
        };
        if let Some((category, confidence, reason)) = weighed(named, told, is_date) {
            found.push(Found {
                relation,
                column,
                category,
                confidence,
                reason,
            });
        }
    }
    found.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    Ok(found)
}

/// What name and values say together.
fn weighed(
    named: Option<Category>,
    told: Option<(Category, f64)>,
    is_date: bool,
) -> Option<(Category, f64, String)> {
    let percent = |share: f64| format!("{:.0} % of the values look like it", share * 100.0);
    match (named, told) {
        (Some(category), Some((same, share))) if category == same => Some((
            category,
            0.6 + 0.4 * share,
            format!("its name, and {}", percent(share)),
        )),
        // Values say more than a name.
        (_, Some((category, share))) => Some((category, 0.9 * share, percent(share))),
        (Some(category), None) if is_date => Some((category, 0.8, "its name, and it holds dates".to_owned())),
        (Some(category), None) => Some((category, 0.5, "its name".to_owned())),
        (None, None) => None,
    }
}
