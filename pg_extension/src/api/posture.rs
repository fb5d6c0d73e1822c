//! `vpd.posture`.

use crate::access;
use crate::policy::posture;
use crate::sys::ErrorReport;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn posture() -> Result<
    TableIterator<
        'static,
        (
            name!(severity, String),
            name!(finding, String),
            name!(object, String),
            name!(detail, String),
            name!(remedy, String),
        ),
    >,
    ErrorReport,
> {
    let rows = posture::findings(access::broken_conditions)
        .into_iter()
        .map(|finding| {
            (
                finding.severity,
                finding.finding,
                finding.object,
                finding.detail,
                finding.remedy,
            )
        });
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}
