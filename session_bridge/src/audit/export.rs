//! Exporting: some records at a time, so that a trail of any length needs no memory.

use std::io::{self, BufWriter, Write};

use clap::Args;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::db::statement;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Records that are fetched at one go.
const BATCH: i64 = 10_000;

/// Arguments of `session-bridge audit export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Only what came behind this record: the last one of a former export.
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<i64>,
}

impl Export {
    pub(super) async fn run(&self, client: &Client) -> Outcome<()> {
        client.execute(statement::FLUSH_AUDIT, &[]).await?;
        let row = client
            .query_opt(statement::AUDIT_BEGIN, &[&self.after])
            .await?
            .ok_or("there is no such record")?;
        let (mut behind, hash): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        let mut output = BufWriter::new(io::stdout().lock());
        writeln!(output, "{}", json!({"begin": {"sequence": behind, "hash": hash}}))?;
        loop {
            let rows = client.query(statement::AUDIT_LINES, &[&behind, &BATCH]).await?;
            for row in &rows {
                writeln!(output, "{}", row.try_get::<_, Value>(1)?)?;
                behind = row.try_get(0)?;
            }
            if rows.is_empty() {
                break;
            }
        }
        output.flush()?;
        Ok(())
    }
}

pub(super) async fn keys(client: &Client) -> Outcome<()> {
    let keys: Value = client.query_one(statement::AUDIT_KEYS, &[]).await?.try_get(0)?;
    writeln!(io::stdout(), "{keys}")?;
    Ok(())
}
