//! A login, and a request, among more and more live sessions.

use vpd_tests::{Crowd, Result, Subject, attach, role};

use super::{Row, empty_database, median, row, sizes};
use crate::scene::Scene;
use crate::table;

const CALLS: usize = 200;

pub fn measure(scene: &Scene<'_>, largest: u32) -> Result<()> {
    let database = empty_database(scene)?;
    let mut admin = database.admin()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut user = database.connect(role::USER)?;
    let token = Subject::new("model").log_in_with(&mut bridge)?;
    attach(&mut user, &token)?;
    let sizes = sizes(1_000, largest);
    let mut there = 0;
    let mut fill = |size: u32| -> Result<()> {
        let crowd = Crowd {
            model: "model",
            count: i64::from(size - there),
            age: "1 second",
        };
        crowd.gather(&mut admin)?;
        there = size;
        Ok(())
    };
    let login = Row {
        id: "P-25",
        what: "a login, among live sessions",
        unit: "ms",
        limit: Some(1.3),
    };
    let mut requests = Vec::new();
    row(scene, &login, &sizes, |size| {
        fill(size)?;
        let mut tokens = Vec::with_capacity(CALLS);
        let figure = median(CALLS, |number| {
            tokens.push(Subject::new(&format!("guest {size} {number}")).log_in_with(&mut bridge)?);
            Ok(())
        })?;
        let request = median(CALLS, |number| {
            attach(&mut user, &tokens[number])?;
            Ok(())
        })?;
        requests.push((size, request));
        Ok(figure)
    })?;
    let request = Row {
        what: "the first attach_session of each, among so many",
        ..login
    };
    table::print_growth(&request, &requests);
    let ending = Row {
        what: "end_session, among so many",
        ..login
    };
    row(scene, &ending, &sizes[sizes.len() - 1..], |size| {
        fill(size)?;
        let mut tokens = Vec::with_capacity(CALLS);
        for number in 0..CALLS {
            tokens.push(Subject::new(&format!("leaver {number}")).log_in_with(&mut bridge)?);
        }
        median(CALLS, |number| {
            bridge.execute("SELECT vpd.end_session($1)", &[&tokens[number]])?;
            Ok(())
        })
    })
}
