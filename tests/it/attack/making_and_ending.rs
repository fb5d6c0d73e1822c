//! Something is made out of a session while that session is being ended. Whoever commits first: nothing that was made is alive afterwards.
//!
//! Every maker meets every ender, at every isolation level, in every order.

use std::thread;
use std::time::Duration;

use postgres::Client;
use vpd_tests::{
    Database, Outcome, Result, act_for, assert_refused, attach, create_orders, issue, outcome, redeem, role,
};

use crate::authority::define;

const LEVELS: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

/// A user with a session at a portal (pillar retail), handed over to a ledger (pillar finance), and somebody he may act for.
struct Scene {
    user: String,
    other: String,
    portal: String,
    ledger: String,
    books: String,
    retail: String,
    finance: String,
    delegation: i64,
    /// Of the portal.
    root: String,
    /// The ticket that gave the token of the ledger.
    redeemed: String,
    /// Of the ledger.
    given: String,
    to_books: String,
    to_portal: String,
}

impl Scene {
    fn new(number: usize, admin: &mut Client) -> Result<Self> {
        let name = |what: &str| format!("{what}{number}");
        let (user, other, portal, ledger, books) = (
            name("user"),
            name("other"),
            name("portal"),
            name("ledger"),
            name("books"),
        );
        let (retail, finance) = (name("retail"), name("finance"));
        admin.batch_execute(&format!(
            "SELECT vpd.register_app('{portal}', '{retail}'), vpd.register_app('{ledger}', '{finance}'), vpd.register_app('{books}', '{finance}');
             SELECT vpd.define_user('{user}'), vpd.define_user('{other}')"
        ))?;
        let delegate = format!("SELECT vpd.grant_delegation('user:{user}', 'user:{other}')");
        let delegation = admin.query_one(&delegate, &[])?.get(0);
        let root: String = admin
            .query_one("SELECT vpd.create_session($1, $2)", &[&user, &portal])?
            .get(0);
        let redeemed = issue(admin, &root, &ledger)?;
        let given = redeem(admin, &redeemed, &ledger)?.ok_or("not redeemed")?;
        let to_books = issue(admin, &given, &books)?;
        let to_portal = issue(admin, &given, &portal)?;
        Ok(Self {
            user,
            other,
            portal,
            ledger,
            books,
            retail,
            finance,
            delegation,
            root,
            redeemed,
            given,
            to_books,
            to_portal,
        })
    }

    fn root_id(&self, admin: &mut Client) -> Result<String> {
        let root = "SELECT session_id::text FROM vpd_private.session_token WHERE token_hash = sha256(convert_to($1, 'UTF8'))";
        Ok(admin.query_one(root, &[&self.root])?.get(0))
    }
}

/// What is made while a session is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    /// Another session of the user.
    LogIn,
    RedeemWithinThePillar,
    RedeemAcrossPillars,
    ActForSomebody,
    IssueTicket,
    RecordMessage,
}

const MAKERS: [Maker; 6] = [
    Maker::LogIn,
    Maker::RedeemWithinThePillar,
    Maker::RedeemAcrossPillars,
    Maker::ActForSomebody,
    Maker::IssueTicket,
    Maker::RecordMessage,
];

/// What a maker gave.
enum Made {
    Token(String),
    Ticket(String),
    Nothing,
}

impl Maker {
    fn make(self, bridge: &mut Client, scene: &Scene) -> std::result::Result<Made, postgres::Error> {
        let token = |token: Option<String>| token.map_or(Made::Nothing, Made::Token);
        Ok(match self {
            Self::LogIn => Made::Token(
                bridge
                    .query_one("SELECT vpd.create_session($1, $2)", &[&scene.user, &scene.portal])?
                    .get(0),
            ),
            Self::RedeemWithinThePillar => token(redeem(bridge, &scene.to_books, &scene.books)?),
            Self::RedeemAcrossPillars => token(redeem(bridge, &scene.to_portal, &scene.portal)?),
            Self::ActForSomebody => Made::Token(act_for(bridge, &scene.given, &scene.other)?),
            Self::IssueTicket => Made::Ticket(issue(bridge, &scene.given, &scene.portal)?),
            Self::RecordMessage => {
                let record = "SELECT vpd.record_message($1, $2)";
                bridge.query_one(record, &[&scene.given, &scene.portal])?;
                Made::Token(scene.given.clone())
            }
        })
    }
}

/// How sessions come to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ender {
    EndSession,
    EndOwnSession,
    EndSessionById,
    EndUserSessions,
    EndSessionsOfWhomHeActsFor,
    EndAllSessions,
    DropApp,
    DropAppHandedTo,
    MoveApp,
    DropUser,
    DisableUser,
    DisableWhomHeActsFor,
    RevokeDelegation,
    Expire,
    ExpireAndRemove,
    Replay,
    RefuseMessage,
}

const ENDERS: [Ender; 17] = [
    Ender::EndSession,
    Ender::EndOwnSession,
    Ender::EndSessionById,
    Ender::EndUserSessions,
    Ender::EndSessionsOfWhomHeActsFor,
    Ender::EndAllSessions,
    Ender::DropApp,
    Ender::DropAppHandedTo,
    Ender::MoveApp,
    Ender::DropUser,
    Ender::DisableUser,
    Ender::DisableWhomHeActsFor,
    Ender::RevokeDelegation,
    Ender::Expire,
    Ender::ExpireAndRemove,
    Ender::Replay,
    Ender::RefuseMessage,
];

impl Ender {
    /// Whether what the maker makes is to end with it.
    fn ends(self, maker: Maker) -> bool {
        match self {
            Self::EndUserSessions
            | Self::EndAllSessions
            | Self::DropApp
            | Self::MoveApp
            | Self::DropUser
            | Self::DisableUser => true,
            Self::EndSessionsOfWhomHeActsFor | Self::DisableWhomHeActsFor | Self::RevokeDelegation => {
                maker == Maker::ActForSomebody
            }
            _ => maker != Maker::LogIn,
        }
    }

    /// Whether that holds for what is made after it as well: nobody is kept from logging in again, or from acting again.
    fn prevents(self, maker: Maker) -> bool {
        maker != Maker::LogIn && self != Self::EndSessionsOfWhomHeActsFor
    }

    /// Whether it ends the whole tree of sessions, of which the first is the portal's.
    fn ends_root(self) -> bool {
        !matches!(
            self,
            Self::EndSessionsOfWhomHeActsFor
                | Self::DisableWhomHeActsFor
                | Self::RevokeDelegation
                | Self::DropAppHandedTo
                | Self::Replay
        )
    }

    fn client(self, enders: &mut Enders) -> &mut Client {
        match self {
            Self::EndOwnSession => &mut enders.user,
            Self::EndSession | Self::Replay | Self::RefuseMessage => &mut enders.bridge,
            Self::Expire | Self::ExpireAndRemove => &mut enders.clock,
            _ => &mut enders.security,
        }
    }

    fn end(self, client: &mut Client, scene: &Scene, root: &str) -> std::result::Result<(), postgres::Error> {
        let Scene {
            user,
            other,
            portal,
            ledger,
            finance,
            ..
        } = scene;
        let statement = match self {
            Self::EndSession => {
                return client
                    .execute("SELECT vpd.end_session($1)", &[&scene.root])
                    .map(|_| ());
            }
            Self::Replay => return redeem(client, &scene.redeemed, ledger).map(|_| ()),
            Self::RefuseMessage => {
                let validate = "SELECT vpd.validate_message($1, $2)";
                return client
                    .execute(validate, &[&scene.root, &format!("vm_{}", "A".repeat(43))])
                    .map(|_| ());
            }
            Self::EndOwnSession => {
                attach(client, &scene.root)?;
                format!("SELECT vpd.end_own_session('{root}')")
            }
            Self::EndSessionById => format!("SELECT vpd.end_session_by_id('{root}')"),
            Self::EndUserSessions => format!("SELECT vpd.end_user_sessions('{user}')"),
            Self::EndSessionsOfWhomHeActsFor => format!("SELECT vpd.end_user_sessions('{other}')"),
            Self::EndAllSessions => "SELECT vpd.end_all_sessions()".to_owned(),
            Self::DropApp => format!("SELECT vpd.drop_app('{portal}')"),
            Self::DropAppHandedTo => format!("SELECT vpd.drop_app('{ledger}')"),
            Self::MoveApp => format!("SELECT vpd.register_app('{portal}', '{finance}')"),
            Self::DropUser => format!("SELECT vpd.drop_authority('user:{user}')"),
            Self::DisableUser => format!("SELECT vpd.disable_user('{user}')"),
            Self::DisableWhomHeActsFor => format!("SELECT vpd.disable_user('{other}')"),
            Self::RevokeDelegation => format!("SELECT vpd.revoke_delegation({})", scene.delegation),
            Self::Expire => format!("{EXPIRE} WHERE root_id = '{root}'; SELECT vpd.purge()"),
            Self::ExpireAndRemove => format!(
                "{EXPIRE} WHERE root_id = '{root}'; SELECT vpd.purge(); {AGE} WHERE root_id = '{root}'; SELECT vpd.purge()"
            ),
        };
        client.batch_execute(&statement)
    }

    /// Everything is as before, but for the sessions: they are not to come back with what they were made with.
    fn take_back(self, admin: &mut Client, scene: &Scene) -> Result<()> {
        let Scene {
            user,
            other,
            portal,
            ledger,
            retail,
            finance,
            ..
        } = scene;
        let statement = match self {
            Self::DropApp | Self::MoveApp => format!("SELECT vpd.register_app('{portal}', '{retail}')"),
            Self::DropAppHandedTo => format!("SELECT vpd.register_app('{ledger}', '{finance}')"),
            Self::DropUser => format!("SELECT vpd.define_user('{user}')"),
            Self::DisableUser => format!("SELECT vpd.enable_user('{user}')"),
            Self::DisableWhomHeActsFor => format!("SELECT vpd.enable_user('{other}')"),
            _ => return Ok(()),
        };
        Ok(admin.batch_execute(&statement)?)
    }
}

const EXPIRE: &str = "UPDATE vpd_private.session SET expires_at = clock_timestamp()";
const AGE: &str = "UPDATE vpd_private.session SET ended_at = ended_at - interval '2 minutes'";

/// Who commits when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The maker makes and stays open; the ender comes and goes, or waits; the maker commits.
    MakerCommitsLast,
    /// The ender ends and stays open; the maker comes and goes, or waits; the ender commits.
    EnderCommitsLast,
    /// The maker has a snapshot from before the end, and makes after it.
    MakerLooksFirst,
}

const ORDERS: [Order; 3] = [
    Order::MakerCommitsLast,
    Order::EnderCommitsLast,
    Order::MakerLooksFirst,
];

/// Who ends sessions.
struct Enders {
    user: Client,
    bridge: Client,
    security: Client,
    /// The superuser, who can move clocks.
    clock: Client,
}

struct Clients {
    admin: Client,
    maker: Client,
    watcher: Client,
    enders: Enders,
    scenes: usize,
}

impl Clients {
    fn connect(database: &Database<'_>) -> Result<Self> {
        Ok(Self {
            admin: database.admin()?,
            maker: database.connect(role::BRIDGE)?,
            watcher: database.admin()?,
            enders: Enders {
                user: database.connect(role::USER)?,
                bridge: database.connect(role::BRIDGE)?,
                security: database.connect(role::SECURITY)?,
                clock: database.admin()?,
            },
            scenes: 0,
        })
    }

    fn scene(&mut self) -> Result<Scene> {
        self.scenes += 1;
        Scene::new(self.scenes, &mut self.admin)
    }
}

fn begin(client: &mut Client, level: &str) -> std::result::Result<(), postgres::Error> {
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}"))?;
    client.query("SELECT count(*) FROM pg_class", &[]).map(|_| ())
}

/// Commits what went well, and rolls the rest back.
fn finish<T>(client: &mut Client, done: std::result::Result<T, postgres::Error>) -> Outcome<T> {
    let done = outcome(done);
    match done {
        Ok(value) => outcome(client.batch_execute("COMMIT")).map(|()| value),
        Err(refusal) => {
            let _over = client.batch_execute("ROLLBACK");
            Err(refusal)
        }
    }
}

/// Runs something on one connection; when it is done, or waits for somebody, lets something happen, and returns what it came to.
fn overlapped<T: Send>(
    client: &mut Client,
    watcher: &mut Client,
    work: impl FnOnce(&mut Client) -> T + Send,
    meanwhile: impl FnOnce(),
) -> Result<T> {
    let process: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    thread::scope(|scope| {
        let working = scope.spawn(|| work(client));
        while !working.is_finished()
            && watcher
                .query("SELECT FROM pg_locks WHERE pid = $1 AND NOT granted", &[&process])?
                .is_empty()
        {
            thread::sleep(Duration::from_millis(2));
        }
        meanwhile();
        working.join().map_err(|_| "it panicked".into())
    })
}

/// Lets the two meet; returns what was made and committed.
fn meet(
    clients: &mut Clients,
    scene: &Scene,
    (maker, ender): (Maker, Ender),
    level: &str,
    order: Order,
) -> Result<Made> {
    let root = scene.root_id(&mut clients.admin)?;
    let (making, watcher) = (&mut clients.maker, &mut clients.watcher);
    let ending = ender.client(&mut clients.enders);
    let whole_end = |client: &mut Client, level: &str| -> Outcome<()> {
        let ended = begin(client, level).and_then(|()| ender.end(client, scene, &root));
        finish(client, ended)
    };
    let (made, ended) = match order {
        Order::MakerCommitsLast => {
            let made = begin(making, level).and_then(|()| maker.make(making, scene));
            let mut committed = None;
            let ended = overlapped(
                ending,
                watcher,
                |client| whole_end(client, level),
                || committed = Some(finish(making, made)),
            )?;
            (committed.ok_or("nobody committed")?, ended)
        }
        Order::EnderCommitsLast => {
            let ended = begin(ending, level).and_then(|()| ender.end(ending, scene, &root));
            let mut committed = None;
            let made = overlapped(
                making,
                watcher,
                |client| {
                    let made = begin(client, level).and_then(|()| maker.make(client, scene));
                    finish(client, made)
                },
                || committed = Some(finish(ending, ended)),
            )?;
            (made, committed.ok_or("nobody committed")?)
        }
        Order::MakerLooksFirst => {
            outcome(begin(making, level)).map_err(|refusal| refusal.text)?;
            let ended = whole_end(ending, "READ COMMITTED");
            let made = maker.make(making, scene);
            (finish(making, made), ended)
        }
    };
    // A serializable transaction may be asked to try again.
    if let Err(refusal) = ended {
        assert!(
            level == "SERIALIZABLE" && refusal.state.code() == "40001",
            "{maker:?} {ender:?} {level} {order:?}: {refusal:?}"
        );
        let ended = whole_end(ending, "READ COMMITTED");
        assert_eq!(ended, Ok(()), "{maker:?} {ender:?} {level} {order:?}");
    }
    Ok(made.unwrap_or(Made::Nothing))
}

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
