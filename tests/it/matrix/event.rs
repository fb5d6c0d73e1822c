//! What happens between two runs of a statement, and what a fresh connection sees after it.

use std::thread::sleep;
use std::time::Duration;

use postgres::Client;
use vpd_tests::{Outcome, Result, Subject, attach, fresh_ids, role};

use super::scene::Scene;

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    AttachOther,
    NextTransaction,
    Reattach,
    Detach,
    Expire,
    Close,
    PolicyEdit,
    RoleEdit,
    GroupEdit,
    Grant,
}

impl Event {
    /// The session the statements run under first; one that dies or is changed is made for the occasion.
    pub fn log_in(self, scene: &Scene, life: Duration) -> Result<String> {
        match self {
            Self::Close | Self::RoleEdit | Self::GroupEdit => {
                Subject::in_region("carol", "East").log_in(&scene.database)
            }
            Self::Expire => {
                let token = Subject::in_region("carol", "East").log_in(&scene.database)?;
                let update = format!(
                    "UPDATE vpd_private.session SET expires_at = clock_timestamp() + interval '{} ms'
                      WHERE user_name = 'carol' AND expires_at > clock_timestamp() + interval '1 hour'",
                    life.as_millis()
                );
                scene.database.admin()?.batch_execute(&update)?;
                Ok(token)
            }
            Self::Grant => Subject::in_region("dora", "East").log_in(&scene.database),
            _ => Ok(scene.east.clone()),
        }
    }

    /// Lets it happen; a transaction is open before and after.
    pub fn happen(self, scene: &Scene, user: &mut Client, token: &str, life: Duration) -> Result<()> {
        match self {
            Self::AttachOther => attach(user, &scene.west)?,
            Self::NextTransaction => {
                user.batch_execute("COMMIT; BEGIN")?;
                attach(user, &scene.west)?;
            }
            Self::Reattach => attach(user, token)?,
            Self::Detach => drop(user.execute("SELECT vpd.detach_session()", &[])?),
            Self::Expire => sleep(life),
            Self::Close => {
                let mut bridge = scene.database.connect(role::BRIDGE)?;
                bridge.execute("SELECT vpd.end_session($1)", &[&token])?;
            }
            Self::PolicyEdit => {
                user.batch_execute("COMMIT")?;
                scene.edit_policies("SELECT vpd.add_policy('RELATION', 'low', 'id <= 20')")?;
                user.batch_execute("BEGIN")?;
                attach(user, token)?;
            }
            // What a session holds is read when it is attached; the next transaction of the same session must know.
            Self::RoleEdit => edit_session(scene, user, token, "roles = '{overseer}'")?,
            Self::GroupEdit => edit_session(
                scene,
                user,
                token,
                r#"attributes = jsonb_set(attributes, '{app,groups}', '["South"]')"#,
            )?,
            // The transaction goes on, and so does the session.
            Self::Grant => scene.define(
                "SELECT vpd.define_user('dora'), vpd.define_role('overseer'); SELECT vpd.grant_authority('role:overseer', 'user:dora')",
            )?,
        }
        Ok(())
    }

    /// What a fresh connection in the same state sees.
    pub fn fresh(self, scene: &Scene, token: &str, query: &str) -> Result<Vec<i32>> {
        match self {
            Self::AttachOther | Self::NextTransaction => fresh_ids(&scene.database, Some(&scene.west), query),
            Self::Reattach | Self::PolicyEdit | Self::RoleEdit | Self::GroupEdit | Self::Grant => {
                fresh_ids(&scene.database, Some(token), query)
            }
            Self::Detach => fresh_ids(&scene.database, None, query),
            Self::Expire | Self::Close => {
                let refused = fresh_ids(&scene.database, Some(token), query);
                assert!(
                    refused.is_err(),
                    "a fresh connection opened a session that is over"
                );
                Ok(vec![])
            }
        }
    }

    /// A session that is over may answer with no row or say so, and a plan made for the roles of before may be refused; everything else
    /// must be the rows themselves.
    pub fn accepts(self, seen: &Outcome<Vec<i32>>, expected: &[i32]) -> bool {
        match seen {
            Ok(rows) => rows == expected,
            Err(refusal) => {
                let allowed = match self {
                    Self::Expire | Self::Close => "session_invalid",
                    Self::Grant => "authority_changed",
                    _ => return false,
                };
                refusal.token.as_deref() == Some(allowed)
            }
        }
    }

    /// Puts the policies back for the next scenario.
    pub fn undo(self, scene: &Scene) -> Result<()> {
        match self {
            Self::PolicyEdit => scene.edit_policies("SELECT vpd.drop_policy('RELATION', 'low')"),
            Self::Grant => scene.define("SELECT vpd.revoke_authority('role:overseer', 'user:dora')"),
            _ => Ok(()),
        }
    }
}

/// Changes the row of the attached session between two transactions of the same connection.
fn edit_session(scene: &Scene, user: &mut Client, token: &str, change: &str) -> Result<()> {
    let id: String = user.query_one("SELECT vpd.session_id()::text", &[])?.get(0);
    user.batch_execute("COMMIT")?;
    let update = format!("UPDATE vpd_private.session SET {change} WHERE id = $1::text::uuid");
    let changed = scene.database.admin()?.execute(&update, &[&id])?;
    assert_eq!(changed, 1, "the session was not changed");
    user.batch_execute("BEGIN")?;
    Ok(attach(user, token)?)
}
