//! Names of a file, each kept once, and which nodes of the graph they are.

use crate::authz::Kind;
use crate::authz::owner::Marks;
use crate::sys::spi::{Statement, arg, statements};
use std::collections::HashMap;
use std::rc::Rc;

statements! {
    FIND = "load/find_names.sql";
    UNITS = "load/find_units.sql";
    SOURCES = "load/find_sources.sql";
}

/// Names in one statement.
const CHUNK: usize = 20_000;

/// Texts by number; each is kept once.
#[derive(Default)]
pub struct Names {
    texts: Vec<Rc<str>>,
    numbers: HashMap<Rc<str>, u32>,
}

/// The node that a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: i32,
    /// It belongs to somebody else, who shipped or marked it.
    pub is_fixed: bool,
}

impl Names {
    /// The number of a text, new or known.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Rc<str> = Rc::from(text);
        self.texts.push(Rc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The number of a text that is known.
    pub fn known(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// The text of a number.
    pub fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// The nodes of a kind that the names mean, by number.
    pub fn find(&self, kind: Kind, mut each: impl FnMut(usize)) -> Vec<Option<Known>> {
        let mut known = vec![None; self.len()];
        let mut marks = Marks::default();
        for (chunk, texts) in self.texts.chunks(CHUNK).enumerate() {
            let names: Vec<&str> = texts.iter().map(|text| &**text).collect();
            let rows = FIND.with(|statement| {
                statement.query(&[arg(kind.as_str()), arg(names)], |row| {
                    Some((row.get::<i64>(1)?, row.get::<i32>(2)?, row.get::<String>(3)))
                })
            });
            for (place, id, owner) in rows.into_iter().flatten() {
                let number = chunk * CHUNK + usize::try_from(place).unwrap_or(1) - 1;
                let is_fixed = marks.is_foreign(None, owner);
                known[number] = Some(Known { id, is_fixed });
            }
            each(chunk * CHUNK + texts.len());
        }
        known
    }

    /// Which of them are organization units.
    pub fn are_units(&self) -> Vec<bool> {
        self.are_in(&UNITS)
    }

    /// Which of them are identity sources.
    pub fn are_sources(&self) -> Vec<bool> {
        self.are_in(&SOURCES)
    }

    fn are_in(&self, statement: &'static std::thread::LocalKey<Statement>) -> Vec<bool> {
        let mut are = vec![false; self.len()];
        if self.len() > 0 {
            let names: Vec<&str> = self.texts.iter().map(|text| &**text).collect();
            let found =
                statement.with(|statement| statement.query(&[arg(names)], |row| row.get::<String>(1)));
            for name in found.into_iter().flatten() {
                if let Some(number) = self.numbers.get(name.as_str()) {
                    are[*number as usize] = true;
                }
            }
        }
        are
    }
}
