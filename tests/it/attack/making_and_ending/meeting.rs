//! A maker and an ender meet: who begins, who waits and who commits last.

use postgres::Client;
use vpd_tests::{Database, Outcome, Result, outcome, overlapped, role};

use super::ender::{Ender, Enders};
use super::maker::{Made, Maker, Scene};

/// Who commits when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The maker makes and stays open; the ender comes and goes, or waits; the maker commits.
    MakerCommitsLast,
    /// The ender ends and stays open; the maker comes and goes, or waits; the ender commits.
    EnderCommitsLast,
    /// The maker has a snapshot from before the end, and makes after it.
    MakerLooksFirst,
}

pub(super) const ORDERS: [Order; 3] = [
    Order::MakerCommitsLast,
    Order::EnderCommitsLast,
    Order::MakerLooksFirst,
];

pub(super) struct Clients {
    pub(super) admin: Client,
    pub(super) maker: Client,
    watcher: Client,
    pub(super) enders: Enders,
    scenes: usize,
}

impl Clients {
    pub(super) fn connect(database: &Database<'_>) -> Result<Self> {
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

    pub(super) fn scene(&mut self) -> Result<Scene> {
        self.scenes += 1;
        Scene::new(self.scenes, &mut self.admin)
    }
}

pub(super) fn begin(client: &mut Client, level: &str) -> std::result::Result<(), postgres::Error> {
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}"))?;
    client.query("SELECT count(*) FROM pg_class", &[]).map(|_| ())
}

/// Commits what went well, and rolls the rest back.
pub(super) fn finish<T>(client: &mut Client, done: std::result::Result<T, postgres::Error>) -> Outcome<T> {
    let done = outcome(done);
    match done {
        Ok(value) => outcome(client.batch_execute("COMMIT")).map(|()| value),
        Err(refusal) => {
            let _over = client.batch_execute("ROLLBACK");
            Err(refusal)
        }
    }
}

/// Lets the two meet; returns what was made and committed.
pub(super) fn meet(
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
            let (ended, committed) = overlapped(
                ending,
                watcher,
                |client| whole_end(client, level),
                || finish(making, made),
            )?;
            (committed, ended)
        }
        Order::EnderCommitsLast => {
            let ended = begin(ending, level).and_then(|()| ender.end(ending, scene, &root));
            let (made, committed) = overlapped(
                making,
                watcher,
                |client| {
                    let made = begin(client, level).and_then(|()| maker.make(client, scene));
                    finish(client, made)
                },
                || finish(ending, ended),
            )?;
            (made, committed)
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
