//! Random conditions over the columns in scope.

use super::evaluation::TABLES;
use super::expression::{Condition, OPERATORS, Scalar};
use super::random::Random;
use super::scene::{PRIVILEGES, ROLES};
use super::value::Type;
use super::view::{Source, View};

/// Writes conditions; sub-selects read the inner tables only, so that no policy leads back to its own table.
pub struct Generator<'a> {
    columns: &'a [Vec<Type>; TABLES],
    views: &'a [View],
    inner: Vec<usize>,
    is_sealed_read: bool,
    random: &'a mut Random,
}

impl<'a> Generator<'a> {
    /// A generator for these tables.
    pub fn new(
        columns: &'a [Vec<Type>; TABLES],
        views: &'a [View],
        inner: &[usize],
        random: &'a mut Random,
    ) -> Self {
        let inner = inner.to_vec();
        Self {
            columns,
            views,
            inner,
            is_sealed_read: false,
            random,
        }
    }

    /// With sealed columns among those that are read.
    #[must_use]
    pub fn with_sealed(mut self) -> Self {
        self.is_sealed_read = true;
        self
    }

    /// A condition over the columns of the tables in scope.
    pub fn condition(&mut self, scope: &[usize], depth: usize) -> Condition {
        if depth == 0 || self.random.chance(35) {
            return self.simple(scope);
        }
        let deeper = depth - 1;
        match self.random.below(10) {
            0 | 1 => Condition::And(self.some(scope, deeper)),
            2..=4 => Condition::Or(self.some(scope, deeper)),
            5 => Condition::Not(Box::new(self.condition(scope, deeper))),
            6 => {
                let branches = (0..self.random.between(1, 2))
                    .map(|_| (self.condition(scope, deeper), self.condition(scope, deeper)))
                    .collect();
                let otherwise = self
                    .random
                    .chance(60)
                    .then(|| Box::new(self.condition(scope, deeper)));
                Condition::Case(branches, otherwise)
            }
            7 => {
                let truth = *self.random.pick(&[Some(true), Some(false), None]);
                let is_not = self.random.chance(50);
                Condition::IsTruth(Box::new(self.condition(scope, deeper)), truth, is_not)
            }
            _ => self.sub_select(scope, deeper),
        }
    }

    /// A value of a type, often a column of the tables in scope.
    pub fn scalar(&mut self, scope: &[usize], kind: Type) -> Scalar {
        if let Type::Sealed(_) = kind {
            return self.sealed_scalar(scope, kind);
        }
        match self.random.below(10) {
            0..=2 => self
                .column(scope, Some(kind))
                .unwrap_or(Scalar::Literal(kind, None)),
            3..=5 => Scalar::Attribute(kind),
            6 => {
                let (first, second) = (self.column(scope, Some(kind)), kind.datum(self.random));
                let first = first.unwrap_or(Scalar::Attribute(kind));
                Scalar::Coalesce(Box::new(first), Box::new(Scalar::Literal(kind, second)))
            }
            7 if kind == Type::Text => Scalar::UserName,
            _ => Scalar::Literal(kind, kind.datum(self.random)),
        }
    }

    /// What a sealed column is compared with: another of its key, or a text.
    fn sealed_scalar(&mut self, scope: &[usize], kind: Type) -> Scalar {
        match self.random.below(5) {
            0 | 1 => self
                .column(scope, Some(kind))
                .unwrap_or(Scalar::Literal(kind, None)),
            2 => Scalar::Attribute(Type::Text),
            _ => Scalar::Literal(kind, kind.datum(self.random)),
        }
    }

    /// What can be asked of a sealed column.
    fn sealed(&mut self, scope: &[usize], column: Scalar) -> Condition {
        let (kind, is_not) = (column.kind(), self.random.chance(30));
        match self.random.below(8) {
            0 => Condition::IsNull(column, is_not),
            1 => Condition::AnyOfList(column),
            2 => Condition::IsDistinct(column, self.scalar(scope, kind), is_not),
            3 => {
                let count = self.random.between(1, 3);
                let list = (0..count).map(|_| kind.datum(self.random)).collect();
                Condition::In(column, list, is_not)
            }
            _ => Condition::Compare(
                self.random.pick::<&str>(&["=", "=", "<>"]),
                column,
                self.scalar(scope, kind),
            ),
        }
    }

    /// A column of the tables in scope, of a type or of any.
    fn column(&mut self, scope: &[usize], wanted: Option<Type>) -> Option<Scalar> {
        let mut found = vec![];
        for &table in scope {
            for (column, &kind) in self.columns[table].iter().enumerate() {
                let is_read = self.is_sealed_read || kind == kind.plain();
                if is_read && wanted.is_none_or(|wanted| wanted == kind) {
                    found.push(Scalar::Column { table, column, kind });
                }
            }
        }
        (!found.is_empty()).then(|| self.random.pick(&found).clone())
    }

    fn some(&mut self, scope: &[usize], depth: usize) -> Vec<Condition> {
        let count = self.random.between(2, 3);
        (0..count).map(|_| self.condition(scope, depth)).collect()
    }

    fn simple(&mut self, scope: &[usize]) -> Condition {
        let Some(column) = self.column(scope, None) else {
            return Condition::IsAuthenticated;
        };
        let kind = column.kind();
        if let Type::Sealed(_) = kind {
            return self.sealed(scope, column);
        }
        let is_not = self.random.chance(30);
        match self.random.below(16) {
            0..=3 => Condition::Compare(
                self.random.pick::<&str>(&OPERATORS),
                column,
                self.scalar(scope, kind),
            ),
            4 => {
                let count = self.random.between(1, 3);
                let list = (0..count).map(|_| kind.datum(self.random)).collect();
                Condition::In(column, list, is_not)
            }
            5 | 6 => Condition::AnyOfList(column),
            7 => Condition::IsNull(column, is_not),
            8 => Condition::IsDistinct(column, self.scalar(scope, kind), is_not),
            9 => Condition::Between(column, self.scalar(scope, kind), self.scalar(scope, kind), is_not),
            10 => match self.column(scope, Some(Type::Text)) {
                Some(text) => Condition::StartsWith(text, self.prefix(), is_not),
                None => Condition::Constant(*self.random.pick(&[Some(true), Some(false), None])),
            },
            11 => match self.column(scope, Some(Type::Bool)) {
                Some(flag) => Condition::Flag(flag),
                None => Condition::Compare("=", column, Scalar::Attribute(kind)),
            },
            12 => {
                let count = self.random.between(1, 2);
                let roles = (0..count).map(|_| *self.random.pick(&ROLES)).collect();
                Condition::InRole(roles, self.random.chance(30))
            }
            13 => Condition::HasPrivilege(self.random.pick::<&str>(&PRIVILEGES)),
            14 => Condition::Compare("=", column, Scalar::Attribute(kind)),
            _ => Condition::Constant(*self.random.pick(&[Some(true), Some(true), Some(false), None])),
        }
    }

    fn prefix(&mut self) -> String {
        (*self.random.pick(&["E", "Ea", "50%", "O'", "ö", "", "East\\"])).to_owned()
    }

    fn sub_select(&mut self, scope: &[usize], depth: usize) -> Condition {
        let free: Vec<usize> = self
            .inner
            .iter()
            .copied()
            .filter(|table| !scope.contains(table))
            .collect();
        if free.is_empty() {
            return self.simple(scope);
        }
        let table = *self.random.pick(&free);
        let within: Vec<usize> = scope.iter().copied().chain([table]).collect();
        let condition = Box::new(self.condition(&within, depth));
        let is_not = self.random.chance(30);
        let column = self.random.below(self.columns[table].len());
        let source = Source::random(table, self.views, 25, self.random);
        if self.random.chance(50)
            && let Some(scalar) = self.column(scope, Some(self.columns[table][column]))
        {
            return Condition::InSelect {
                scalar,
                source,
                column,
                condition,
                is_not,
            };
        }
        Condition::Exists {
            source,
            condition,
            is_not,
        }
    }
}
