//! The order lines of the demo: read from the compressed CSV, counted independently of any database, loaded into one.
//! It knows nothing of policies: what a user should see is said by whoever counts.

mod customer;

use std::fmt;
use std::io::{Read, Write};

use flate2::read::GzDecoder;
use postgres::Client;

use crate::Result;

pub use customer::{DOMAIN, address, load_customers};

/// Lines in the file; a load that brings another number is undone.
pub const LINES: usize = 9_994;

const CSV: &[u8] = include_bytes!("../../session_bridge/demo/data/superstore.csv.gz");

/// Dollars in ten-thousandths, the precision of the file, so that sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars(i64);

/// What the policies and the totals need of an order line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Central, East, South or West.
    pub region: String,
    /// State, which lies in one region.
    pub state: String,
    /// City; its name is unique in its state only.
    pub city: String,
    /// Furniture, Office Supplies or Technology.
    pub category: String,
    /// Finer category, which belongs to one category.
    pub sub_category: String,
    /// Number of the customer.
    pub customer: String,
    /// Name of the customer.
    pub customer_name: String,
    /// Name of the product, which belongs to one finer category.
    pub product: String,
    /// Pieces ordered.
    pub quantity: i64,
    /// Amount of the line.
    pub sales: Dollars,
    /// Profit of the line.
    pub profit: Dollars,
}

/// The file, read.
#[derive(Debug, Clone)]
pub struct Superstore(Vec<Line>);

/// Count and sums over some of the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many lines.
    pub count: i64,
    /// Their pieces.
    pub quantity: i64,
    /// Their sales.
    pub sales: Dollars,
    /// Their profit.
    pub profit: Dollars,
}

impl Superstore {
    /// Reads the file.
    ///
    /// # Errors
    /// It is not the CSV it should be.
    pub fn read() -> Result<Self> {
        let mut reader = csv::Reader::from_reader(GzDecoder::new(CSV));
        let headers = reader.headers()?.clone();
        let column = |name: &str| {
            let position = headers.iter().position(|header| header == name);
            position.ok_or_else(|| format!("superstore.csv has no column {name}"))
        };
        let [
            region,
            state,
            city,
            category,
            sub_category,
            customer,
            customer_name,
            product,
            quantity,
            sales,
            profit,
        ] = [
            column("Region")?,
            column("State")?,
            column("City")?,
            column("Category")?,
            column("Sub-Category")?,
            column("Customer ID")?,
            column("Customer Name")?,
            column("Product Name")?,
            column("Quantity")?,
            column("Sales")?,
            column("Profit")?,
        ];
        let mut lines = Vec::with_capacity(LINES);
        for record in reader.records() {
            let record = record?;
            let field = |position: usize| record.get(position).unwrap_or_default();
            lines.push(Line {
                region: field(region).to_owned(),
                state: field(state).to_owned(),
                city: field(city).to_owned(),
                category: field(category).to_owned(),
                sub_category: field(sub_category).to_owned(),
                customer: field(customer).to_owned(),
                customer_name: field(customer_name).to_owned(),
                product: field(product).to_owned(),
                quantity: field(quantity).parse()?,
                sales: Dollars::parse(field(sales))?,
                profit: Dollars::parse(field(profit))?,
            });
        }
        Ok(Self(lines))
    }

    /// The lines, as the file has them.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.0
    }

    /// Count and sums of the lines that meet a condition.
    pub fn totals(&self, condition: impl Fn(&Line) -> bool) -> Totals {
        let mut totals = Totals::default();
        for line in self.0.iter().filter(|line| condition(line)) {
            totals.count += 1;
            totals.quantity += line.quantity;
            totals.sales.0 += line.sales.0;
            totals.profit.0 += line.profit.0;
        }
        totals
    }
}

impl Dollars {
    /// Reads a decimal number with at most four decimals, as the file and PostgreSQL write it.
    ///
    /// # Errors
    /// It is no such number.
    pub fn parse(text: &str) -> Result<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: i64 = format!("{whole}{fraction:0<4}").parse()?;
        if fraction.len() > 4 {
            return Err(format!("{text} has more than four decimals").into());
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = (self.0.abs() + 50) / 100;
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = grouped(cents / 100);
        formatter.pad(&format!("{sign}${whole}.{:02}", cents % 100))
    }
}

/// A number with a comma between thousands.
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Loads the file into `demo.orders` and `demo.profits`, all of it or nothing, unless they have rows already.
/// Returns how many lines it loaded. The client must be the owner of the tables or a superuser.
///
/// # Errors
/// The tables hold something else than the file, or a statement failed.
pub fn load(client: &mut Client) -> Result<usize> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(include_str!("superstore/stage.sql"))?;
    let found: i64 = transaction
        .query_one("SELECT count(*) FROM demo.orders", &[])?
        .get(0);
    if found == LINES as i64 {
        return Ok(0);
    }
    if found != 0 {
        return Err(format!("demo.orders holds {found} rows, neither 0 nor {LINES}").into());
    }
    let mut file = Vec::new();
    GzDecoder::new(CSV).read_to_end(&mut file)?;
    let mut copy =
        transaction.copy_in("COPY superstore FROM STDIN (FORMAT csv, HEADER match, ENCODING 'UTF8')")?;
    copy.write_all(&file)?;
    copy.finish()?;
    transaction.batch_execute(include_str!("superstore/distribute.sql"))?;
    let loaded = transaction.query_one(
        "SELECT (SELECT count(*) FROM demo.orders), (SELECT count(*) FROM demo.profits)",
        &[],
    )?;
    let loaded: (i64, i64) = (loaded.get(0), loaded.get(1));
    if loaded != (LINES as i64, LINES as i64) {
        return Err(format!("loaded {loaded:?} rows instead of {LINES} each; nothing was kept").into());
    }
    transaction.commit()?;
    client.batch_execute("ANALYZE demo.orders, demo.profits")?;
    Ok(LINES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_its_lines() -> Result<()> {
        let all = Superstore::read()?.totals(|_| true);
        assert_eq!(all.count, LINES as i64);
        assert_eq!(all.sales.to_string(), "$2,297,200.86");
        Ok(())
    }

    #[test]
    fn dollars_are_exact() -> Result<()> {
        assert_eq!(Dollars::parse("261.96")?, Dollars(2_619_600));
        assert_eq!(Dollars::parse("-0.0895")?, Dollars(-895));
        assert_eq!(Dollars::parse("22")?.to_string(), "$22.00");
        assert!(Dollars::parse("0.12345").is_err());
        assert!(Dollars::parse("ten").is_err());
        Ok(())
    }
}
