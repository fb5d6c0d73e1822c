//! Chapter: who sees which rows. Four people log in through the identity provider and look at the same table.

use reqwest::Method;
use serde_json::Value;
use vpd_tests::Result;
use vpd_tests::superstore::{Dollars, Line, grouped};

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
    script.equal(
        "the table holds the whole file",
        &grouped(all.get(0)),
        &grouped(expected.count),
        "in the CSV",
    )?;
    for (user, words, is_visible) in PEOPLE {
        let browser = Browser::log_in(stage, user)?;
        let expected = stage.file.totals(is_visible);
        let orders = browser.on_portal(Method::GET, "/api/orders", None)?.json(200)?;
        let found = grouped(count(&orders)?);
        script.equal(
            &format!("{user}, {words}, sees"),
            &found,
            &grouped(expected.count),
            "in the CSV",
        )?;
        let sales = dollars(&orders["totals"]["sales"])?;
        script.equal(
            &format!("{user}'s total of sales"),
            &sales,
            &expected.sales,
            "in the CSV",
        )?;
        if user == "alice" || user == "bob" {
            let profits = browser.on_portal(Method::GET, "/api/profits", None)?.json(200)?;
            show_profit(
                script,
                user,
                &profits,
                if user == "alice" {
                    expected.profit
                } else {
                    Dollars::default()
                },
            )?;
        }
    }
    Ok(())
}

fn show_profit(script: &mut Script, user: &str, profits: &Value, expected: Dollars) -> Result<()> {
    let total = dollars(&profits["total"])?;
    if expected == Dollars::default() {
        let figure = format!("{} lines, {total}", count(profits)?);
        return script.holds(
            &format!("{user} is no manager and sees no profit"),
            count(profits)? == 0,
            &figure,
        );
    }
    script.equal(
        &format!("{user}'s total of profit"),
        &total,
        &expected,
        "in the CSV",
    )
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
