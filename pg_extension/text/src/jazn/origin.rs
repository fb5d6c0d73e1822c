//! Where the definitions of a document come from in the file, and which name each of them gets.
//!
//! In the file names are told apart by application, by type and by class; here a name is all there is. Invariant: two origins never get one
//! name. Of those that would, none gets it, and each is told with the line of another. Whatever asks for a name was seen before: the file is
//! read once to see who asks, and once more to give.

use std::collections::BTreeMap;

/// What sort of definition an origin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// A role.
    Role,
    /// A permission set.
    Entitlement,
    /// What privileges are about.
    Resource,
}

/// What a definition is in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// What sort of definition it is.
    pub sort: Sort,
    /// Its application, by its place in the file; `None` for what applications share, as groups.
    pub application: Option<usize>,
    /// Its type or class: what else tells it apart from others of its name.
    pub class: String,
    /// Its name.
    pub name: String,
}

/// A name that an origin asks for.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The name.
    pub name: String,
    /// The kind it is to have here.
    pub kind: String,
    /// What the origin is called in the file.
    pub what: String,
    /// Where it first asks.
    pub line: u32,
}

/// Which origin gets which name.
#[derive(Debug)]
pub enum Names {
    /// Everybody still gets what he asks for, in this order.
    Asked(Vec<(Origin, Claim)>, BTreeMap<Origin, usize>),
    /// What each got, or why it got nothing.
    Given(BTreeMap<Origin, Result<String, String>>),
}

/// The class of application roles: they keep their names where a group has the same.
pub const APPLICATION_ROLE: &str = "application role";

/// The kind of what has no type.
pub const NO_KIND: &str = "abstract";

impl Default for Names {
    fn default() -> Self {
        Self::Asked(Vec::new(), BTreeMap::new())
    }
}

impl Names {
    /// The name of an origin, or why it gets none.
    pub fn ask(&mut self, origin: &Origin, claim: Claim) -> Result<String, String> {
        if let Self::Asked(claims, places) = self
            && !places.contains_key(origin)
        {
            places.insert(origin.clone(), claims.len());
            claims.push((origin.clone(), claim));
        }
        self.of(origin).unwrap_or_else(|| Err(not_here()))
    }

    /// The name of an origin that asked for one; `None` when none did.
    pub fn of(&self, origin: &Origin) -> Option<Result<String, String>> {
        match self {
            Self::Asked(claims, places) => {
                let (_, claim) = claims.get(*places.get(origin)?)?;
                Some(Ok(claim.name.clone()))
            }
            Self::Given(given) => given.get(origin).cloned(),
        }
    }

    /// Gives the names, when everybody has asked.
    pub fn settle(self) -> Self {
        let Self::Asked(mut claims, _) = self else {
            return self;
        };
        tell_kinds_apart(&mut claims);
        let mut askers: BTreeMap<(Sort, String), Vec<usize>> = BTreeMap::new();
        for (place, (origin, claim)) in claims.iter().enumerate() {
            let name = (origin.sort, claim.name.clone());
            askers.entry(name).or_default().push(place);
        }
        let mut given = BTreeMap::new();
        for askers in askers.values() {
            let is_application_role = |place: &&usize| claims[**place].0.class == APPLICATION_ROLE;
            let mut roles = askers.iter().filter(is_application_role);
            let owner = match (roles.next(), roles.next()) {
                (Some(only), None) => Some(*only),
                _ => askers.first().copied().filter(|_| askers.len() == 1),
            };
            for place in askers {
                let (origin, claim) = &claims[*place];
                let answer = if owner == Some(*place) {
                    Ok(claim.name.clone())
                } else {
                    let other = owner.or_else(|| askers.iter().copied().find(|other| other != place));
                    Err(other.map_or_else(not_here, |other| both_called(claim, &claims[other].1)))
                };
                given.insert(origin.clone(), answer);
            }
        }
        Self::Given(given)
    }
}

/// Of resources of one name the first keeps it as it is; those of other kinds get theirs in front. Others of its own kind cannot be told apart from it.
fn tell_kinds_apart(claims: &mut [(Origin, Claim)]) {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for (origin, claim) in claims {
        if origin.sort != Sort::Resource {
            continue;
        }
        match first.get(&claim.name) {
            None => {
                first.insert(claim.name.clone(), claim.kind.clone());
            }
            Some(kind) if *kind != claim.kind => claim.name = format!("{}/{}", claim.kind, claim.name),
            Some(_) => (),
        }
    }
}

fn both_called(own: &Claim, other: &Claim) -> String {
    format!(
        "{} (line {}) and {} (line {}) are both called {} here, and a name is one thing: rename one of them",
        own.what, own.line, other.what, other.line, own.name
    )
}

fn not_here() -> String {
    "the file has nothing of this name that is taken".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(sort: Sort, class: &str, name: &str) -> Origin {
        Origin {
            sort,
            application: Some(0),
            class: class.to_owned(),
            name: name.to_owned(),
        }
    }

    fn claim(name: &str, kind: &str, line: u32) -> Claim {
        Claim {
            name: name.to_owned(),
            kind: kind.to_owned(),
            what: format!("{kind} {name}"),
            line,
        }
    }

    /// What each of several origins gets, told by class and the name it asks for.
    fn given(sort: Sort, asked: &[(&str, &str)]) -> Vec<Option<String>> {
        let mut names = Names::default();
        for (line, (class, name)) in (1..).zip(asked) {
            let _asked = names.ask(&origin(sort, class, name), claim(name, class, line));
        }
        let names = names.settle();
        asked
            .iter()
            .map(|(class, name)| names.of(&origin(sort, class, name)).and_then(Result::ok))
            .collect()
    }

    fn some(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[test]
    fn a_name_that_two_ask_for_is_given_to_none_of_them() {
        assert_eq!(
            given(Sort::Entitlement, &[("a", "x"), ("b", "x"), ("a", "y")]),
            [None, None, some("y")]
        );
        assert_eq!(
            given(Sort::Role, &[("group", "x"), ("everybody", "x")]),
            [None, None]
        );
        let group_first = [("group", "x"), (APPLICATION_ROLE, "x")];
        assert_eq!(given(Sort::Role, &group_first), [None, some("x")]);
    }

    #[test]
    fn kinds_tell_resources_apart_as_long_as_nobody_has_the_longer_name() {
        assert_eq!(
            given(Sort::Resource, &[("A", "x"), ("B", "x")]),
            [some("x"), some("B/x")]
        );
        assert_eq!(
            given(Sort::Resource, &[("A", "x"), ("A", "B/x"), ("B", "x")]),
            [some("x"), None, None]
        );
    }

    #[test]
    fn both_are_told_with_their_lines() {
        let mut names = Names::default();
        let (one, other) = (origin(Sort::Role, "a", "x"), origin(Sort::Role, "b", "x"));
        let _asked = (
            names.ask(&one, claim("x", "a", 3)),
            names.ask(&other, claim("x", "b", 7)),
        );
        let names = names.settle();
        for origin in [one, other] {
            let told = names.of(&origin).and_then(Result::err).unwrap_or_default();
            assert!(told.contains("line 3") && told.contains("line 7"), "{told}");
        }
    }
}
