//! The customers of the order lines. The file has no addresses, so each gets one that is made up; they are sealed before the first one comes in.

use std::collections::BTreeMap;

use postgres::{Client, GenericClient};

use super::{Line, Superstore};
use crate::Result;

/// What all addresses end with, and nothing else.
pub const DOMAIN: &str = "@customers.example";

/// The address that a customer is loaded with.
#[must_use]
pub fn address(customer: &str) -> String {
    format!("{}{DOMAIN}", customer.to_lowercase())
}

impl Superstore {
    /// The customers of the lines that meet a condition, and their names.
    pub fn customers(&self, condition: impl Fn(&Line) -> bool) -> BTreeMap<&str, &str> {
        let lines = self.lines().iter().filter(|line| condition(line));
        lines
            .map(|line| (line.customer.as_str(), line.customer_name.as_str()))
            .collect()
    }
}

/// Loads the customers into `demo.customers`, all of them or nothing, unless they are there already. Returns how many it loaded.
/// The client must be a superuser.
///
/// # Errors
/// The server has no master key, the table holds other rows, or a statement failed.
pub fn load_customers(client: &mut Client) -> Result<usize> {
    let file = Superstore::read()?;
    let customers = file.customers(|_| true);
    let mut transaction = client.transaction()?;
    transaction.batch_execute(include_str!("seal.sql"))?;
    let found = count(&mut transaction)?;
    if found == customers.len() {
        return Ok(0);
    }
    if found != 0 {
        let expected = customers.len();
        return Err(format!("demo.customers holds {found} rows, neither 0 nor {expected}").into());
    }
    // As parameters: the text of a statement may be kept by whoever keeps statements.
    let insert = transaction.prepare(
        "INSERT INTO demo.customers (customer_id, customer_name, email) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])",
    )?;
    let (ids, names): (Vec<&str>, Vec<&str>) = customers.iter().unzip();
    let addresses: Vec<String> = ids.iter().map(|id| address(id)).collect();
    transaction.execute(&insert, &[&ids, &names, &addresses])?;
    transaction.commit()?;
    client.batch_execute("ANALYZE demo.customers")?;
    Ok(ids.len())
}

fn count(client: &mut impl GenericClient) -> Result<usize> {
    let count: i64 = client
        .query_one("SELECT count(*) FROM demo.customers", &[])?
        .get(0);
    Ok(usize::try_from(count)?)
}
