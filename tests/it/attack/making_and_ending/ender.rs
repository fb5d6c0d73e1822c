//! Every way in which sessions come to an end.

use postgres::Client;
use vpd_tests::{Result, attach, redeem};

use super::maker::{Maker, Scene};

/// Who ends sessions.
pub(super) struct Enders {
    pub(super) user: Client,
    pub(super) bridge: Client,
    pub(super) security: Client,
    /// The superuser, who can move clocks.
    pub(super) clock: Client,
}

/// How sessions come to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ender {
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

pub(super) const ENDERS: [Ender; 17] = [
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
    pub(super) fn ends(self, maker: Maker) -> bool {
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
    pub(super) fn prevents(self, maker: Maker) -> bool {
        maker != Maker::LogIn && self != Self::EndSessionsOfWhomHeActsFor
    }

    /// Whether it ends the whole tree of sessions, of which the first is the portal's.
    pub(super) fn ends_root(self) -> bool {
        !matches!(
            self,
            Self::EndSessionsOfWhomHeActsFor
                | Self::DisableWhomHeActsFor
                | Self::RevokeDelegation
                | Self::DropAppHandedTo
                | Self::Replay
        )
    }

    pub(super) fn client(self, enders: &mut Enders) -> &mut Client {
        match self {
            Self::EndOwnSession => &mut enders.user,
            Self::EndSession | Self::Replay | Self::RefuseMessage => &mut enders.bridge,
            Self::Expire | Self::ExpireAndRemove => &mut enders.clock,
            _ => &mut enders.security,
        }
    }

    pub(super) fn end(
        self,
        client: &mut Client,
        scene: &Scene,
        root: &str,
    ) -> std::result::Result<(), postgres::Error> {
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
    pub(super) fn take_back(self, admin: &mut Client, scene: &Scene) -> Result<()> {
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
