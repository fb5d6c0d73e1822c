//! Something is made out of a session while that session is being ended. Whoever commits first: nothing that was made is alive afterwards.
//!
//! Every maker meets every ender, at every isolation level, in every order.

mod ender;
mod maker;
mod meeting;

use postgres::Client;
use vpd_tests::{Database, Result, act_for, assert_refused, attach, create_orders, issue, outcome, redeem};

use self::ender::{ENDERS, Ender};
use self::maker::{MAKERS, Made, Maker, Scene};
use self::meeting::{Clients, ORDERS, Order, begin, finish, meet};
use crate::authority::define;

const LEVELS: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

/// The token of what was made, if it comes to one.
fn token_of(made: Made, bridge: &mut Client, scene: &Scene) -> Result<Option<String>> {
    Ok(match made {
        Made::Token(token) => Some(token),
        Made::Ticket(ticket) => redeem(bridge, &ticket, &scene.portal)?,
        Made::Nothing => None,
    })
}

/// Whether a token opens a live session, by the look-up of a request.
fn is_alive(user: &mut Client, token: &str) -> Result<bool> {
    user.batch_execute("BEGIN")?;
    let attached = outcome(attach(user, token));
    user.batch_execute("ROLLBACK")?;
    match attached {
        Ok(()) => Ok(true),
        Err(refusal) if refusal.token.as_deref() == Some("session_invalid") => Ok(false),
        Err(refusal) => Err(refusal.text.into()),
    }
}

#[test]
fn control_an_end_that_looks_at_rows_misses_the_row_that_is_not_committed() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut maker = database.admin()?;
    maker.batch_execute("CREATE TABLE shop.session (user_name text, ended boolean NOT NULL)")?;
    maker.batch_execute("BEGIN; INSERT INTO shop.session VALUES ('alice', false)")?;
    let mut ender = database.admin()?;
    ender.batch_execute("UPDATE shop.session SET ended = true WHERE user_name = 'alice'")?;
    maker.batch_execute("COMMIT")?;
    let alive = ender.query("SELECT FROM shop.session WHERE NOT ended", &[])?;
    assert_eq!(alive.len(), 1);
    Ok(())
}

#[test]
fn control_what_is_made_while_nothing_ends_is_alive() -> Result<()> {
    let database = Database::create()?;
    let mut clients = Clients::connect(&database)?;
    for maker in MAKERS {
        for level in LEVELS {
            let scene = clients.scene()?;
            begin(&mut clients.maker, level)?;
            let made = maker.make(&mut clients.maker, &scene);
            let made = finish(&mut clients.maker, made).map_err(|refusal| refusal.text)?;
            let token = token_of(made, &mut clients.maker, &scene)?.ok_or("nothing was made")?;
            assert!(is_alive(&mut clients.enders.user, &token)?, "{maker:?} {level}");
        }
    }
    Ok(())
}

/// All that a maker can make while sessions are ended in every way.
fn nothing_survives(maker: Maker) -> Result<()> {
    let database = Database::create()?;
    let mut clients = Clients::connect(&database)?;
    let mut survivors = vec![];
    for ender in ENDERS.into_iter().filter(|ender| ender.ends(maker)) {
        for level in LEVELS {
            for order in ORDERS {
                if order == Order::MakerLooksFirst && !ender.prevents(maker) {
                    continue;
                }
                let cell = format!("{maker:?} × {ender:?}, {level}, {order:?}");
                let scene = clients.scene()?;
                let made = meet(&mut clients, &scene, (maker, ender), level, order)?;
                ender.take_back(&mut clients.admin, &scene)?;
                let Some(token) = token_of(made, &mut clients.maker, &scene)? else {
                    continue;
                };
                if is_alive(&mut clients.enders.user, &token)? {
                    survivors.push(cell);
                    continue;
                }
                // Who may act no more is refused, and his session not ended.
                if ender == Ender::RevokeDelegation {
                    continue;
                }
                // The statements that make something out of a session say the same as the look-up.
                let ticket = issue(&mut clients.maker, &token, &scene.books);
                assert_refused(ticket, "28000", "session_invalid");
                let live = "SELECT count(*)
                              FROM vpd.sessions s
                              JOIN vpd_private.session_token t ON t.session_id = s.session_id
                             WHERE s.is_live AND t.token_hash = sha256(convert_to($1, 'UTF8'))";
                let live: i64 = clients.admin.query_one(live, &[&token])?.get(0);
                assert_eq!(live, 0, "{cell}");
            }
        }
    }
    assert!(survivors.is_empty(), "{survivors:#?}");
    Ok(())
}

#[test]
fn no_login_survives() -> Result<()> {
    nothing_survives(Maker::LogIn)
}

#[test]
fn no_redemption_within_the_pillar_survives() -> Result<()> {
    nothing_survives(Maker::RedeemWithinThePillar)
}

#[test]
fn no_redemption_across_pillars_survives() -> Result<()> {
    nothing_survives(Maker::RedeemAcrossPillars)
}

#[test]
fn no_session_on_behalf_survives() -> Result<()> {
    nothing_survives(Maker::ActForSomebody)
}

#[test]
fn no_ticket_survives() -> Result<()> {
    nothing_survives(Maker::IssueTicket)
}

#[test]
fn no_message_keeps_alive() -> Result<()> {
    nothing_survives(Maker::RecordMessage)
}

#[test]
fn whoever_makes_something_holds_up_nobody_who_ends() -> Result<()> {
    let database = Database::create()?;
    let mut clients = Clients::connect(&database)?;
    let enders = &mut clients.enders;
    for client in [
        &mut enders.user,
        &mut enders.bridge,
        &mut enders.security,
        &mut enders.clock,
    ] {
        client.batch_execute("SET lock_timeout = '5 s'")?;
    }
    for maker in MAKERS {
        for ender in ENDERS {
            let scene = clients.scene()?;
            let root = scene.root_id(&mut clients.admin)?;
            begin(&mut clients.maker, "READ COMMITTED")?;
            let made = outcome(maker.make(&mut clients.maker, &scene).map(|_| ()));
            assert_eq!(made, Ok(()), "{maker:?} × {ender:?}");
            let ending = ender.client(&mut clients.enders);
            ending.batch_execute("BEGIN")?;
            let ended = ender.end(ending, &scene, &root);
            let ended = finish(ending, ended);
            clients.maker.batch_execute("ROLLBACK")?;
            assert_eq!(ended, Ok(()), "{maker:?} × {ender:?}");
        }
    }
    Ok(())
}

/// A tree of five levels below the portal's session; every way to end the first ends all and says why.
#[test]
fn every_reason_ends_the_whole_tree() -> Result<()> {
    let database = Database::create()?;
    define(&database, "SELECT vpd.define_user('last')")?;
    let mut clients = Clients::connect(&database)?;
    for ender in ENDERS {
        let scene = clients.scene()?;
        let delegate = format!("SELECT vpd.grant_delegation('user:{}', 'user:last')", scene.other);
        define(&database, &delegate)?;
        let root = scene.root_id(&mut clients.admin)?;
        let bridge = &mut clients.maker;
        let back = redeem(bridge, &scene.to_portal, &scene.portal)?.ok_or("not redeemed")?;
        let acting = act_for(bridge, &back, &scene.other)?;
        let acting_twice = act_for(bridge, &acting, "last")?;
        let ticket = issue(bridge, &acting_twice, &scene.books)?;
        let across = redeem(bridge, &ticket, &scene.books)?.ok_or("not redeemed")?;
        let all = [&scene.root, &scene.given, &back, &acting, &acting_twice, &across];
        for token in all {
            assert!(is_alive(&mut clients.enders.user, token)?, "control");
        }
        let ending = ender.client(&mut clients.enders);
        ending.batch_execute("BEGIN")?;
        let ended = ender.end(ending, &scene, &root);
        assert_eq!(finish(ending, ended), Ok(()), "{ender:?}");
        let below = match ender {
            ender if ender.ends_root() => &all[..],
            Ender::DropAppHandedTo | Ender::Replay => &all[1..],
            _ => &all[3..],
        };
        for token in below {
            assert!(!is_alive(&mut clients.enders.user, token)?, "{ender:?}");
        }
        // Who may act no more is refused, and his session not ended; what was removed is not there.
        if matches!(ender, Ender::RevokeDelegation | Ender::ExpireAndRemove) {
            continue;
        }
        let ended = "SELECT count(*), count(DISTINCT end_reason)
                       FROM vpd_private.session
                      WHERE root_id = $1::text::uuid AND ended_at IS NOT NULL";
        let row = clients.admin.query_one(ended, &[&root])?;
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, i64>(1)),
            (below.len() as i64, 1),
            "{ender:?}"
        );
    }
    Ok(())
}
