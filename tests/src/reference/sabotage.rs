//! The controls of the comparison: what is switched off on the server alone must be noticed.

use super::effect::{ForeignKey, Trigger};
use super::expression::name;
use super::scene::Scene;
use super::view::View;

/// What the control switches off on the server, without telling the evaluator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Policies of ours are disabled.
    Policies,
    /// Masks are disabled.
    Masks,
    /// PostgreSQL's own permissive policies are dropped.
    Natives,
    /// Views read past policies.
    Views,
    /// Rules are dropped.
    Rules,
    /// The functions of triggers read past policies.
    Triggers,
    /// The foreign key is dropped.
    ForeignKeys,
    /// Everybody has the privileges of the keys that seal columns.
    Seals,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Policies,
        Self::Masks,
        Self::Natives,
        Self::Views,
        Self::Rules,
        Self::Triggers,
        Self::ForeignKeys,
        Self::Seals,
    ];
}

impl Scene {
    /// Switches something off on the server alone, for a superuser: the control of the comparison.
    #[must_use]
    pub fn sabotage(&self, what: Sabotage) -> String {
        let schema = &self.schema;
        match what {
            Sabotage::Policies => {
                let policies = self.policies.iter().map(|policy| {
                    format!(
                        "SELECT vpd.enable_policy('{schema}.t{}', '{}', false);\n",
                        policy.table, policy.name
                    )
                });
                policies.collect()
            }
            Sabotage::Masks => {
                let masks = self.masks.iter().map(|mask| {
                    format!(
                        "SELECT vpd.enable_mask('{schema}.t{}', '{}', false);\n",
                        mask.table,
                        name(mask.table, mask.column)
                    )
                });
                masks.collect()
            }
            Sabotage::Natives => self
                .natives
                .iter()
                .map(|native| native.sabotage(schema))
                .collect(),
            Sabotage::Views => {
                let views = 0..self.views.len();
                views.map(|number| View::sabotage(number, schema)).collect()
            }
            Sabotage::Rules => {
                let rules = self.rules.iter().enumerate();
                let views = self.views.iter().enumerate();
                rules
                    .map(|(number, rule)| rule.sabotage(number, schema))
                    .chain(views.map(|(number, view)| view.rule_sabotage(number, schema)))
                    .collect()
            }
            Sabotage::Triggers => {
                let triggers = 0..self.triggers.len();
                triggers.map(|number| Trigger::sabotage(number, schema)).collect()
            }
            // It is done to the sessions.
            Sabotage::Seals => String::new(),
            Sabotage::ForeignKeys => self
                .foreign_key
                .as_ref()
                .map_or(String::new(), |_| ForeignKey::sabotage(schema)),
        }
    }
}
