//! The times for which something is granted: one stands in the definition itself, several stand there as a list, `times`.
//!
//! Invariant: times that mean the same have one form. What has run out is left out, and so is a beginning that is past.

use super::item::Item;
use super::moment::{is_past, place};
use serde_json::{Map, Value};

/// The field with the list.
pub const LIST: &str = "times";

/// Whom a time belongs to.
const OWNER: &str = "seeded_by";

const OF_A_TIME: [&str; 3] = ["valid_from", "valid_until", "reason"];

/// Brings the times of a definition into their one form; false when all have run out, and then it is as it was.
pub fn settle(item: &mut Item, now: &str) -> bool {
    let Some(list) = item.value(LIST).and_then(Value::as_array) else {
        forget_beginning(&mut item.0, now);
        return !is_over(&item.0, now);
    };
    let mut times: Vec<Map<String, Value>> = list.iter().filter_map(Value::as_object).cloned().collect();
    let common = item.0.get(OWNER).cloned();
    for time in &mut times {
        forget_beginning(time, now);
        if let Some(owner) = &common {
            time.entry(OWNER).or_insert_with(|| owner.clone());
        }
    }
    let were_given = !times.is_empty();
    times.retain(|time| !is_over(time, now));
    if times.is_empty() {
        return !were_given;
    }
    times.sort_by_cached_key(|time| {
        let moment = |field: &str| {
            let moment = time.get(field).and_then(Value::as_str).map(place);
            moment.map(|(length, text)| (length, text.to_owned()))
        };
        let until = moment("valid_until");
        let rest = Value::Object(time.clone()).to_string();
        (moment("valid_from"), until.is_none(), until, rest)
    });
    times.dedup();
    item.0.remove(OWNER);
    let owner = times[0].get(OWNER).cloned();
    if owner.is_some() && times.iter().all(|time| time.get(OWNER) == owner.as_ref()) {
        for time in &mut times {
            time.remove(OWNER);
        }
        item.0.extend(owner.map(|owner| (OWNER.to_owned(), owner)));
    }
    let has_own = OF_A_TIME.iter().any(|field| item.0.contains_key(*field));
    if times.len() == 1 && !has_own {
        item.0.remove(LIST);
        item.0.extend(times.into_iter().flatten());
    } else {
        let times = times.into_iter().map(Value::Object).collect();
        item.0.insert(LIST.to_owned(), times);
    }
    true
}

/// The times of a settled definition in their order, each with whom it belongs to; nothing when none is said, or one beside a list.
pub fn of(item: &Item) -> Option<Vec<Item>> {
    let own = |field: &&str| Some(((*field).to_owned(), item.0.get(*field)?.clone()));
    let alone: Map<String, Value> = OF_A_TIME.iter().filter_map(own).collect();
    let times = match item.value(LIST) {
        None => vec![alone],
        Some(Value::Array(list)) if alone.is_empty() && !list.is_empty() => {
            list.iter().filter_map(Value::as_object).cloned().collect()
        }
        Some(_) => return None,
    };
    let owned = |mut time: Map<String, Value>| {
        if let Some(owner) = item.0.get(OWNER) {
            time.entry(OWNER).or_insert_with(|| owner.clone());
        }
        Item(time)
    };
    Some(times.into_iter().map(owned).collect())
}

/// Whom a definition belongs to, or any of its times.
pub fn owners(item: &Item) -> impl Iterator<Item = &str> {
    let of_times = item.value(LIST).and_then(Value::as_array).into_iter().flatten();
    let of_times = of_times.filter_map(|time| time.get(OWNER)?.as_str());
    item.optional_text(OWNER).into_iter().chain(of_times)
}

/// Whether two of some times in order have a moment in common.
pub fn overlap(times: &[Item]) -> bool {
    times.windows(2).any(|pair| {
        let turn = pair[0]
            .optional_text("valid_until")
            .zip(pair[1].optional_text("valid_from"));
        !turn.is_some_and(|(until, from)| is_past(until, from))
    })
}

/// A definition does not change by being carried elsewhere, where it begins later.
fn forget_beginning(time: &mut Map<String, Value>, now: &str) {
    if is_reached(time, "valid_from", now) {
        time.remove("valid_from");
    }
}

fn is_over(time: &Map<String, Value>, now: &str) -> bool {
    is_reached(time, "valid_until", now)
}

fn is_reached(time: &Map<String, Value>, field: &str, now: &str) -> bool {
    let moment = time.get(field).and_then(Value::as_str);
    moment.is_some_and(|moment| is_past(moment, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2027-01-31T12:00:00Z";

    fn settled(value: &Value) -> (bool, Value) {
        let mut item = Item(value.as_object().cloned().unwrap_or_default());
        let is_valid = settle(&mut item, NOW);
        (is_valid, Value::Object(item.0))
    }

    #[test]
    fn times_that_mean_the_same_have_one_form() {
        let (later, last) = ("2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z");
        for (given, form) in [
            (
                json!({"valid_from": "2020-01-01T00:00:00Z", "valid_until": last}),
                json!({"valid_until": last}),
            ),
            (
                json!({"times": [{"valid_from": "2020-01-01T00:00:00Z", "valid_until": last, "seeded_by": "a"}]}),
                json!({"valid_until": last, "seeded_by": "a"}),
            ),
            (
                json!({"times": [{"valid_from": last}, {"valid_until": later}, {"valid_until": later}, {"valid_until": NOW}]}),
                json!({"times": [{"valid_until": later}, {"valid_from": last}]}),
            ),
            (
                json!({"seeded_by": "a", "times": [{"valid_from": last}, {"valid_until": later, "seeded_by": "a"}]}),
                json!({"seeded_by": "a", "times": [{"valid_until": later}, {"valid_from": last}]}),
            ),
            (
                json!({"seeded_by": "a", "times": [{"valid_from": last}, {"valid_until": later, "seeded_by": "b"}]}),
                json!({"times": [{"valid_until": later, "seeded_by": "b"}, {"valid_from": last, "seeded_by": "a"}]}),
            ),
        ] {
            assert_eq!(settled(&given), (true, form.clone()), "{given}");
            assert_eq!(settled(&form), (true, form.clone()), "settled twice");
        }
    }

    #[test]
    fn what_has_run_out_is_as_it_was() {
        let over = json!({"times": [{"valid_until": NOW}, {"valid_until": "2020-01-01T00:00:00Z"}]});
        assert_eq!(settled(&over), (false, over.clone()));
        assert!(!settled(&json!({"valid_until": NOW})).0);
        assert!(
            settled(&json!({"times": []})).0,
            "a list of nothing is wrong, and not over"
        );
    }

    #[test]
    fn a_time_beside_a_list_and_a_list_of_nothing_are_no_times() {
        let times = |value: Value| of(&Item(value.as_object().cloned().unwrap_or_default()));
        assert!(times(json!({"times": []})).is_none());
        assert!(times(json!({"times": [{}], "reason": "why"})).is_none());
        assert_eq!(times(json!({})).map(|times| times.len()), Some(1));
        let two = times(json!({"seeded_by": "a", "times": [{"reason": "x"}, {"seeded_by": "b"}]}));
        let owners: Vec<_> = two
            .iter()
            .flatten()
            .map(|time| time.text(OWNER).to_owned())
            .collect();
        assert_eq!(owners, ["a", "b"]);
    }

    #[test]
    fn times_that_follow_each_other_do_not_overlap() {
        let times = |list: Value| {
            let item = Item(json!({ "times": list }).as_object().cloned().unwrap_or_default());
            of(&item).unwrap_or_default()
        };
        let turn = "2028-01-01T00:00:00Z";
        assert!(!overlap(&times(
            json!([{"valid_until": turn}, {"valid_from": turn}])
        )));
        assert!(overlap(&times(json!([{"valid_until": turn}, {}]))));
        assert!(overlap(&times(json!([{}, {"valid_from": turn}]))));
        assert!(overlap(&times(
            json!([{"valid_until": "10000-01-01T00:00:00Z"}, {"valid_from": turn}])
        )));
    }
}
