//! Every known way around a policy in this database, with the statement that mends it.
//!
//! The checks stand in `sql/query/posture`, one file a topic. Nothing is changed here, and nothing is left out in silence: a check that
//! fails is a finding.

use crate::sys::secret::master_names;
use crate::sys::spi::{Statement, arg, statements};
use crate::sys::{is_preloaded, missed_version_floor, xact};

statements! {
    SERVER = scanning "posture/server.sql";
    LOG = scanning "posture/log.sql";
    ROLE = scanning "posture/role.sql";
    TABLE = scanning "posture/table.sql";
    MASK = scanning "posture/mask.sql";
    REACH = scanning "posture/reach.sql";
    OBJECT = scanning "posture/object.sql";
    FUNCTION = scanning "posture/function.sql";
    POLICY = scanning "posture/policy.sql";
    SCHEMA = scanning "posture/schema.sql";
    DUTY = scanning "posture/duty.sql";
    AUDIT = scanning "posture/audit.sql";
    ACCESS = scanning "posture/access.sql";
    SEALING = scanning "posture/sealing.sql";
}

/// A weakness.
pub struct Finding {
    /// critical, high, medium, low or info.
    pub severity: String,
    /// Stable token.
    pub finding: String,
    /// What it concerns.
    pub object: String,
    /// Why it matters.
    pub detail: String,
    /// The statement that mends it.
    pub remedy: String,
}

/// What is found, the worst first. `others` looks where this cannot.
pub fn findings(others: impl FnOnce() -> Vec<Finding>) -> Vec<Finding> {
    let none = |statement: &Statement| read(statement, &[]);
    let mut findings = check("server", || {
        SERVER.with(|statement| {
            let args = [arg(is_preloaded()), arg(missed_version_floor())];
            read(statement, &args)
        })
    });
    findings.extend(check("log", || LOG.with(none)));
    findings.extend(check("role", || ROLE.with(none)));
    findings.extend(check("table", || TABLE.with(none)));
    findings.extend(check("mask", || MASK.with(none)));
    findings.extend(check("reach", || REACH.with(none)));
    findings.extend(check("object", || OBJECT.with(none)));
    findings.extend(check("function", || FUNCTION.with(none)));
    findings.extend(check("policy", || POLICY.with(none)));
    findings.extend(check("schema", || SCHEMA.with(none)));
    findings.extend(check("access", || ACCESS.with(none)));
    findings.extend(check("duty", || DUTY.with(none)));
    findings.extend(check("audit", || AUDIT.with(none)));
    findings.extend(check("sealing", || {
        SEALING.with(|statement| read(statement, &[arg(master_names())]))
    }));
    findings.extend(check("conditions", others));
    findings.sort_by(|a, b| {
        let place = |finding: &Finding| {
            (
                rank(&finding.severity),
                finding.finding.clone(),
                finding.object.clone(),
            )
        };
        place(a).cmp(&place(b))
    });
    findings
}

fn check(topic: &str, run: impl FnOnce() -> Vec<Finding>) -> Vec<Finding> {
    xact::attempt(|| Ok(run())).unwrap_or_else(|failure| {
        vec![Finding {
            severity: "high".to_owned(),
            finding: "check_failed".to_owned(),
            object: topic.to_owned(),
            detail: format!(
                "nothing is known of this topic: {} ({})",
                failure.message, failure.state
            ),
            remedy: "-- report this as a bug".to_owned(),
        }]
    })
}

fn read(statement: &Statement, args: &[crate::sys::spi::Arg]) -> Vec<Finding> {
    statement.query(args, |row| {
        let text = |column| row.get::<String>(column).unwrap_or_default();
        Finding {
            severity: text(1),
            finding: text(2),
            object: text(3),
            detail: text(4),
            remedy: text(5),
        }
    })
}

fn rank(severity: &str) -> usize {
    ["critical", "high", "medium", "low"]
        .iter()
        .position(|known| *known == severity)
        .unwrap_or(4)
}
