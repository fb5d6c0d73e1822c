//! Column masks: who sees which values, what adding, altering and dropping a mask does, and what stays as it was.

mod definition;
mod policy;
mod relation;
pub mod scene;
mod session;

use scene::told;
use vpd_tests::{Database, Outcome, Result, attach, role};

/// What a script gives somebody, which must not be a refusal.
fn seen(database: &Database<'_>, token: &str, script: &str) -> Result<String> {
    told(database, token, script)?.map_err(|refusal| format!("{script}: {refusal:?}").into())
}

fn is_masked(database: &Database<'_>, token: Option<&str>, column: &str) -> Result<Option<bool>> {
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    if let Some(token) = token {
        attach(&mut session, token)?;
    }
    let row = session.query_one("SELECT vpd.is_masked('shop.staff', $1)", &[&column])?;
    Ok(row.get(0))
}

/// SQLSTATE and token of the refusal a script meets.
fn refused(database: &Database<'_>, token: &str, script: &str) -> Result<(String, Option<String>)> {
    let outcome: Outcome<String> = told(database, token, script)?;
    let refusal = outcome.err().ok_or_else(|| format!("went through: {script}"))?;
    Ok((refusal.state.code().to_owned(), refusal.token))
}
