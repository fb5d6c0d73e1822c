//! Column masks: which stand in for the values of a table, and what the attached session may see.
//!
//! It never touches a query: `sys` applies the answer. Invariant: without a session no value is visible.

mod catalogue;
mod hash;

pub use catalogue::{Definition, add, alter, check_joined, drop_mask, enable, follow_columns};
pub use hash::hash;

use super::{cache, compose, exemption, predicate};
use crate::context::{self, Standing};
use crate::error::{Error, Result};
use crate::sys::extension;
use crate::sys::marker::Marker;
use crate::sys::predicate::{Compiled, Verdict, compile_as, compile_value, mark_plan};
use crate::sys::spi::{self, Statement, oid_arg};
use crate::sys::{Oid, relation, xact};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Verdicts kept for as many sessions as a pooled connection is likely to alternate between.
const SESSIONS_KEPT: usize = 64;

thread_local! {
    static MASKS: Statement = const { Statement::new(include_str!("../../../sql/query/mask/masks_of_relation.sql")) };
    static ANY: Statement = const { Statement::new(include_str!("../../../sql/query/mask/any.sql")) };
    static RELATIONS: RefCell<HashMap<Oid, Rc<Relation>>> = RefCell::new(HashMap::new());
    static IS_ANY: Cell<Option<bool>> = const { Cell::new(None) };
    static FORGOTTEN: Cell<u64> = const { Cell::new(0) };
    /// The conditions that plans of this backend were made with, and which verdicts those plans rest on.
    static PLANNED: RefCell<Vec<Planned>> = const { RefCell::new(Vec::new()) };
}

/// Masks of a table, as the catalogue has them.
struct Relation {
    /// Whether any mask, enabled or not, is on the table itself.
    has_own: bool,
    /// The enabled masks, in the order in which they are put over a column.
    masks: Vec<Mask>,
}

struct Mask {
    column: String,
    /// `None` when the column is gone.
    attribute: Option<i16>,
    /// Name of the table the mask was written for.
    table: String,
    value_text: String,
    condition_text: String,
    compiled: OnceCell<(Rc<Condition>, Rc<Compiled>)>,
}

/// When the value is shown, with what that came to for the sessions of this backend, by what the answers rested on. A verdict is good until
/// some relation changes.
struct Condition {
    predicate: Rc<Compiled>,
    verdicts: RefCell<Vec<((Standing, u64), Verdict)>>,
}

struct Planned {
    condition: Rc<Condition>,
    verdicts: Vec<Verdict>,
}

/// A column that the session may not see in every row.
pub struct MaskedColumn {
    /// Number of the column.
    pub attribute: i16,
    /// The masks over it; the value is shown only where all of them say so.
    pub layers: Vec<Layer>,
}

/// One mask over a column.
pub struct Layer {
    /// Where the value is shown; `None` for nowhere.
    pub visible: Option<Rc<Compiled>>,
    /// What is shown instead; `None` for NULL.
    pub value: Option<Rc<Compiled>>,
}

/// A mask with its parts compiled: of the catalogue, or of a policy that masks.
struct Cover {
    attribute: i16,
    condition: Rc<Condition>,
    value: Option<Rc<Compiled>>,
}

/// The columns of a table that the attached session may not see in every row. Notes that a plan is being made with the answer.
/// The relation must be locked. An error means: no row.
pub fn masks_in_force(oid: Oid) -> Result<Vec<MaskedColumn>> {
    if exemption::is_exempt(oid) {
        return Ok(Vec::new());
    }
    let mut columns: Vec<MaskedColumn> = Vec::new();
    for cover in covers(oid)? {
        let verdict = cover.condition.verdict()?;
        note_plan(&cover.condition, verdict)?;
        let visible = match verdict {
            Verdict::Always => continue,
            Verdict::Never => None,
            Verdict::ByRow => Some(Rc::clone(&cover.condition.predicate)),
        };
        let layer = Layer {
            visible,
            value: cover.value,
        };
        match columns
            .iter_mut()
            .find(|column| column.attribute == cover.attribute)
        {
            Some(column) => column.layers.push(layer),
            None => columns.push(MaskedColumn {
                attribute: cover.attribute,
                layers: vec![layer],
            }),
        }
    }
    Ok(columns)
}

/// Whether the attached session gets masks instead of the values of a column: in every row, in none, or `None`: it depends on the row.
/// The relation must be locked.
pub fn is_masked(oid: Oid, column: &str) -> Result<Option<bool>> {
    let attribute = catalogue::attribute(oid, column)?;
    if exemption::is_exempt(oid) {
        return Ok(Some(false));
    }
    let mut answer = Some(false);
    for cover in covers(oid)?
        .into_iter()
        .filter(|cover| cover.attribute == attribute)
    {
        match cover.condition.verdict()? {
            Verdict::Always => (),
            Verdict::Never => return Ok(Some(true)),
            Verdict::ByRow => answer = None,
        }
    }
    Ok(answer)
}

/// Every mask over the columns of a table, those of the catalogue before those of policies.
fn covers(oid: Oid) -> Result<Vec<Cover>> {
    let mut covers = Vec::new();
    for mask in &load(oid).masks {
        let attribute = mask.attribute.ok_or_else(|| Error::mask_broken(&mask.column))?;
        let (condition, value) = mask.compiled(oid, attribute)?;
        covers.push(Cover {
            attribute,
            condition: Rc::clone(condition),
            value: Some(Rc::clone(value)),
        });
    }
    let Some(table) = cache::relation(oid).filter(|table| table.policies.iter().any(|one| one.is_masking))
    else {
        return Ok(covers);
    };
    if !table.drivers.is_empty() {
        predicate::note_context_plan();
        mark_plan(Marker::Context)?;
    }
    for policy in compose::masking(&table)? {
        let condition = condition_of(policy.predicate.compiled(&table, &policy.name)?);
        for attribute in policy.relevant_columns.iter().flatten() {
            covers.push(Cover {
                attribute: *attribute,
                condition: Rc::clone(&condition),
                value: None,
            });
        }
    }
    Ok(covers)
}

/// The condition with a predicate, the one that plans were made with if there are any.
fn condition_of(predicate: Rc<Compiled>) -> Rc<Condition> {
    PLANNED.with_borrow(|planned| {
        planned
            .iter()
            .find(|planned| Rc::ptr_eq(&planned.condition.predicate, &predicate))
            .map(|planned| Rc::clone(&planned.condition))
            .unwrap_or_else(|| {
                Rc::new(Condition {
                    predicate,
                    verdicts: RefCell::default(),
                })
            })
    })
}

/// True when the table itself has a mask, enabled or not.
pub fn has_own(oid: Oid) -> bool {
    load(oid).has_own
}

/// True when a mask covers a column of the table for anybody.
pub fn is_covered(oid: Oid, column: &str) -> Result<bool> {
    let is_masked = |mask: &Mask| mask.attribute.is_none() || mask.column == column;
    if load(oid).masks.iter().any(is_masked) {
        return Ok(true);
    }
    let attribute = catalogue::attribute(oid, column)?;
    Ok(cache::relation(oid).is_some_and(|table| {
        let mut masking = table.policies.iter().filter(|policy| policy.is_masking);
        masking.any(|policy| {
            policy
                .relevant_columns
                .as_ref()
                .is_none_or(|columns| columns.contains(&attribute))
        })
    }))
}

/// True when any table of this database has a mask.
pub fn is_any() -> bool {
    if let Some(known) = IS_ANY.get() {
        return known;
    }
    let before = FORGOTTEN.get();
    let is_any = extension::is_installed()
        && ANY.with(|statement| {
            statement
                .query_one(&[], |row| row.required::<bool>(1))
                .unwrap_or(true)
        });
    if before == FORGOTTEN.get() {
        IS_ANY.set(Some(is_any));
    }
    is_any
}

/// Forgets the masks of one relation, or of all.
pub fn forget_relation(oid: Option<Oid>) {
    FORGOTTEN.set(FORGOTTEN.get().wrapping_add(1));
    IS_ANY.set(None);
    hash::forget();
    let forgotten = RELATIONS.with_borrow_mut(|relations| match oid {
        Some(oid) => relations.remove(&oid).into_iter().collect::<Vec<_>>(),
        None => std::mem::take(relations).into_values().collect(),
    });
    drop(forgotten);
}

/// Some function changed: plans that rest on what it said are made again.
pub fn function_changed() {
    if !PLANNED.with_borrow(Vec::is_empty) {
        invalidate();
    }
}

/// A session was attached, came back with a savepoint, or changed. Plans are made again only if one of them rests on a verdict
/// that is another one now; tells whether. Nothing needs to happen when none is attached any more: then there is no row to show.
pub fn session_changed(standing: Standing) -> bool {
    let conditions = PLANNED.with_borrow(|planned| {
        planned
            .iter()
            .map(|planned| (Rc::clone(&planned.condition), planned.verdicts.clone()))
            .collect::<Vec<_>>()
    });
    let is_stale = conditions.iter().any(|(condition, verdicts)| {
        // Nothing can be evaluated while a transaction is rolled back; then only what is known counts.
        let now = condition.known(standing).or_else(|| {
            xact::can_attempt()
                .then(|| xact::attempt(|| condition.verdict()).ok())
                .flatten()
        });
        now.is_none_or(|now| verdicts.iter().any(|verdict| *verdict != now))
    });
    if is_stale {
        invalidate();
    }
    is_stale
}

/// See `policy::plans_mixed`.
pub fn plans_mixed() {
    function_changed();
}

fn invalidate() {
    PLANNED.with_borrow_mut(Vec::clear);
    Marker::Mask.invalidate();
}

fn note_plan(condition: &Rc<Condition>, verdict: Verdict) -> Result<()> {
    condition.predicate.note_use();
    mark_plan(Marker::Mask)?;
    // A plan with a text that follows the session, or the statement, goes with that already.
    if condition.predicate.is_marked() {
        return Ok(());
    }
    PLANNED.with_borrow_mut(|planned| {
        match planned
            .iter_mut()
            .find(|planned| Rc::ptr_eq(&planned.condition, condition))
        {
            Some(planned) if planned.verdicts.contains(&verdict) => (),
            Some(planned) => planned.verdicts.push(verdict),
            None => planned.push(Planned {
                condition: Rc::clone(condition),
                verdicts: vec![verdict],
            }),
        }
    });
    Ok(())
}

impl Condition {
    fn known(&self, standing: Standing) -> Option<Verdict> {
        if standing.is_none() {
            return Some(Verdict::Never);
        }
        let now = (standing, FORGOTTEN.get());
        let verdicts = self.verdicts.borrow();
        verdicts
            .iter()
            .find(|(known, _)| *known == now)
            .map(|(_, verdict)| *verdict)
    }

    /// What it comes to for the attached session.
    fn verdict(&self) -> Result<Verdict> {
        let standing = context::standing();
        if let Some(known) = self.known(standing) {
            return Ok(known);
        }
        let looks = spi::looks();
        // Values that other sessions share may change before the plan runs: then it reads them itself.
        let verdict = self.predicate.verdict(!context::has_shared_values())?;
        // So it does with everything else that may.
        let verdict = if spi::looks() == looks {
            verdict
        } else {
            Verdict::ByRow
        };
        let mut verdicts = self.verdicts.borrow_mut();
        verdicts.truncate(SESSIONS_KEPT - 1);
        verdicts.insert(0, ((standing, FORGOTTEN.get()), verdict));
        Ok(verdict)
    }
}

impl Mask {
    fn compiled(&self, oid: Oid, attribute: i16) -> Result<&(Rc<Condition>, Rc<Compiled>)> {
        if let Some(known) = self.compiled.get() {
            return Ok(known);
        }
        let broken = |message: &str| {
            pgrx::log!(
                "pg_vpd: mask of column \"{}\" of {}: {message}",
                self.column,
                relation::name(oid)
            );
            Error::mask_broken(&self.column)
        };
        let table = Some(self.table.as_str());
        let compile = || {
            let predicate = compile_as(oid, table, &self.condition_text, None)?;
            let value = compile_value(oid, table, attribute, &self.value_text)?;
            Ok((predicate, value))
        };
        let (predicate, value) = xact::translated(compile, |failure| broken(&failure.message))
            .map_err(|error: Error| broken(&error.to_string()))?;
        let condition = Condition {
            predicate: Rc::new(predicate),
            verdicts: RefCell::default(),
        };
        Ok(self.compiled.get_or_init(|| (Rc::new(condition), Rc::new(value))))
    }
}

fn load(oid: Oid) -> Rc<Relation> {
    if let Some(known) = RELATIONS.with_borrow(|relations| relations.get(&oid).cloned()) {
        return known;
    }
    let before = FORGOTTEN.get();
    let loaded = Rc::new(if extension::is_installed() {
        read(oid)
    } else {
        Relation {
            has_own: false,
            masks: Vec::new(),
        }
    });
    // A change announced while it was being read makes what was read good for this one use only.
    if before == FORGOTTEN.get() {
        RELATIONS.with_borrow_mut(|relations| relations.insert(oid, Rc::clone(&loaded)));
    }
    loaded
}

fn read(oid: Oid) -> Relation {
    let mut has_own = false;
    let mut masks = Vec::new();
    MASKS.with(|statement| {
        statement.query(&[oid_arg(oid)], |row| {
            has_own |= row.required::<bool>(7);
            if row.required::<bool>(6) {
                masks.push(Mask {
                    column: row.required(1),
                    attribute: row.get::<i16>(2),
                    value_text: row.required(3),
                    condition_text: row.required(4),
                    table: row.required(5),
                    compiled: OnceCell::new(),
                });
            }
        })
    });
    Relation { has_own, masks }
}
