//! A load of users, and one of members right after it on the same connection, against COPY.

use std::time::Instant;

use vpd_tests::Result;

use super::{Row, empty_database, milliseconds, row, sizes};
use crate::loads::{COPY_MEMBERS, COPY_USERS, TABLES, copy, files, load};
use crate::scene::Scene;

pub fn measure(scene: &Scene<'_>, largest: u32) -> Result<()> {
    let sizes = sizes(1_000, largest);
    for (kind, statement) in [("users", COPY_USERS), ("group_members", COPY_MEMBERS)] {
        let line = Row {
            id: "P-19",
            what: &format!("load of {kind} into empty tables : COPY, lines"),
            unit: "x time",
            limit: Some(1.3),
        };
        row(scene, &line, &sizes, |size| {
            let database = empty_database(scene)?;
            let mut client = database.admin()?;
            client.batch_execute(TABLES)?;
            let (users, groups, members) = files(usize::try_from(size)?)?;
            // The connection knows the empty tables.
            load(&mut client, "users", "user_name,display_name,e_mail,manager\n")?;
            let file = if kind == "users" {
                &users
            } else {
                load(&mut client, "users", &users)?;
                load(&mut client, "groups", &groups)?;
                &members
            };
            let start = Instant::now();
            load(&mut client, kind, file)?;
            let ours = milliseconds(start.elapsed());
            let start = Instant::now();
            copy(&mut client, statement, file)?;
            Ok(ours / milliseconds(start.elapsed()))
        })?;
    }
    Ok(())
}
