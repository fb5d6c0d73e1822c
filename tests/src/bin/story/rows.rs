//! Chapter: who sees which rows. Four people log in through the identity provider and look at the same table.

use reqwest::Method;
use serde_json::Value;
use vpd_tests::Result;
use vpd_tests::superstore::{Dollars, Line};

use crate::browser::Browser;
use crate::connection::{ADMIN, connect};
use crate::script::Script;
use crate::stage::Stage;

/// A demo user, in words, and the lines the policies should leave.
type Person = (&'static str, &'static str, fn(&Line) -> bool);

const PEOPLE: [Person; 4] = [
    ("alice", "manager of West and East", of_alice),
    ("bob", "clerk of South", of_bob),
    ("carol", "buyer of furniture in every region", |line| {
        line.category == "Furniture"
    }),
    ("dave", "clerk without a region", |_| false),
];

/// The one who sees profit.
const MANAGER: &str = "alice";

/// What alice may see.
pub fn of_alice(line: &Line) -> bool {
    ["West", "East"].contains(&line.region.as_str())
}

/// What bob may see.
pub fn of_bob(line: &Line) -> bool {
    line.region == "South"
}

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Rows: the same question, another answer for each user");
    let all = connect(ADMIN)?.query_one("SELECT count(*) FROM demo.orders", &[])?;
    let expected = stage.file.totals(|_| true);
    script.lines("the table holds the whole file", all.get(0), expected.count)?;
    for (user, words, is_visible) in PEOPLE {
        let browser = Browser::log_in(stage, user)?;
        let expected = stage.file.totals(is_visible);
        let orders = browser.on_portal(Method::GET, "/api/orders", None)?.json(200)?;
        let what = format!("{user}, {words}, sees");
        if expected.count == 0 {
            script.nothing(&what, count(&orders)?)?;
            continue;
        }
        script.lines(&what, count(&orders)?, expected.count)?;
        let sales = dollars(&orders["totals"]["sales"])?;
        script.equal("their sales", sales, expected.sales, "in the CSV")?;
        let profits = browser.on_portal(Method::GET, "/api/profits", None)?.json(200)?;
        if user == MANAGER {
            let profit = dollars(&profits["total"])?;
            script.equal("their profit", profit, expected.profit, "in the CSV")?;
        } else {
            script.nothing("their profit, which is for managers", count(&profits)?)?;
        }
    }
    Ok(())
}

/// The `count` of an answer.
///
/// # Errors
/// It has none.
pub fn count(answer: &Value) -> Result<i64> {
    Ok(answer["count"].as_i64().ok_or("the answer has no count")?)
}

fn dollars(value: &Value) -> Result<Dollars> {
    // The shortest text of a JSON number has the four decimals of the database's sum, at this magnitude.
    Dollars::parse(&format!(
        "{:.4}",
        value.as_f64().ok_or("the answer has no total")?
    ))
}
