//! What is made, and out of what.

use postgres::Client;
use vpd_tests::{Result, act_for, issue, redeem};

/// A user with a session at a portal (pillar retail), handed over to a ledger (pillar finance), and somebody he may act for.
pub(super) struct Scene {
    pub(super) user: String,
    pub(super) other: String,
    pub(super) portal: String,
    pub(super) ledger: String,
    pub(super) books: String,
    pub(super) retail: String,
    pub(super) finance: String,
    pub(super) delegation: i64,
    /// Of the portal.
    pub(super) root: String,
    /// The ticket that gave the token of the ledger.
    pub(super) redeemed: String,
    /// Of the ledger.
    pub(super) given: String,
    pub(super) to_books: String,
    pub(super) to_portal: String,
}

impl Scene {
    pub(super) fn new(number: usize, admin: &mut Client) -> Result<Self> {
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

    pub(super) fn root_id(&self, admin: &mut Client) -> Result<String> {
        let root = "SELECT session_id::text FROM vpd_private.session_token WHERE token_hash = sha256(convert_to($1, 'UTF8'))";
        Ok(admin.query_one(root, &[&self.root])?.get(0))
    }
}

/// What is made while a session is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// Another session of the user.
    LogIn,
    RedeemWithinThePillar,
    RedeemAcrossPillars,
    ActForSomebody,
    IssueTicket,
    RecordMessage,
}

pub(super) const MAKERS: [Maker; 6] = [
    Maker::LogIn,
    Maker::RedeemWithinThePillar,
    Maker::RedeemAcrossPillars,
    Maker::ActForSomebody,
    Maker::IssueTicket,
    Maker::RecordMessage,
];

/// What a maker gave.
pub(super) enum Made {
    Token(String),
    Ticket(String),
    Nothing,
}

impl Maker {
    pub(super) fn make(
        self,
        bridge: &mut Client,
        scene: &Scene,
    ) -> std::result::Result<Made, postgres::Error> {
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
