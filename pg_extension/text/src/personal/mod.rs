//! What looks like personal data: by what a column is called, and by what its values look like.

mod form;

use form::{is_card, is_email, is_iban, is_national_id, is_phone};

/// What a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Numbers that a state gives persons.
    NationalId,
    /// Numbers of payment cards.
    Card,
    /// Numbers of bank accounts.
    Account,
    /// E-mail addresses.
    Email,
    /// Numbers of phones.
    Phone,
    /// Dates of birth.
    BirthDate,
    /// Names of persons.
    Name,
    /// Postal addresses.
    Address,
}

impl Category {
    /// All of them; where a value looks like several, the first counts.
    pub const ALL: [Self; 8] = [
        Self::Email,
        Self::Account,
        Self::Card,
        Self::NationalId,
        Self::Phone,
        Self::BirthDate,
        Self::Name,
        Self::Address,
    ];

    /// How a report calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NationalId => "national_id",
            Self::Card => "card",
            Self::Account => "bank_account",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::BirthDate => "birth_date",
            Self::Name => "name",
            Self::Address => "address",
        }
    }

    /// Words in the names of columns; each stands for itself, or with others, between underscores or capitals.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::NationalId => &[
                "ssn",
                "sin",
                "nino",
                "nin",
                "bsn",
                "cpf",
                "curp",
                "dni",
                "nif",
                "nie",
                "pesel",
                "hkid",
                "aadhaar",
                "passport",
                "national id",
                "social security",
                "tax id",
                "taxpayer",
                "identity card",
                "personal id",
                "steuer id",
                "codice fiscale",
                "sozialversicherung",
                "driver license",
                "driving licence",
            ],
            Self::Card => &[
                "pan",
                "card number",
                "card no",
                "credit card",
                "cc number",
                "cardnum",
                "kreditkarte",
            ],
            Self::Account => &[
                "iban",
                "bank account",
                "account number",
                "routing number",
                "sort code",
                "kontonummer",
            ],
            Self::Email => &["email", "mail", "e mail", "mail address", "emailaddress"],
            Self::Phone => &[
                "phone",
                "mobile",
                "telephone",
                "tel",
                "fax",
                "cell",
                "telefon",
                "handy",
                "msisdn",
                "phonenumber",
            ],
            Self::BirthDate => &[
                "dob",
                "birth",
                "birthday",
                "birthdate",
                "born",
                "date of birth",
                "geburtsdatum",
                "geboren",
            ],
            Self::Name => &[
                "first name",
                "last name",
                "surname",
                "full name",
                "given name",
                "family name",
                "maiden name",
                "firstname",
                "lastname",
                "vorname",
                "nachname",
            ],
            Self::Address => &[
                "street",
                "address line",
                "home address",
                "postal address",
                "zip",
                "zipcode",
                "postcode",
                "postal code",
                "strasse",
                "plz",
            ],
        }
    }

    /// Whether the text of a value looks like it.
    #[must_use]
    pub fn is_like(self, value: &str) -> bool {
        let value = value.trim();
        match self {
            Self::Email => is_email(value),
            Self::Account => is_iban(value),
            Self::Card => is_card(value),
            Self::NationalId => is_national_id(value),
            Self::Phone => is_phone(value),
            // Nobody tells these from other dates and words by the values.
            Self::BirthDate | Self::Name | Self::Address => false,
        }
    }
}

/// What a column of a name may hold.
#[must_use]
pub fn by_name(column: &str) -> Option<Category> {
    let words = words(column);
    Category::ALL.into_iter().find(|category| {
        category.words().iter().any(|meant| {
            let meant: Vec<&str> = meant.split(' ').collect();
            words
                .windows(meant.len())
                .any(|window| window.iter().zip(&meant).all(|(word, meant)| word == meant))
        })
    })
}

/// What most of some values look like, and which share of them.
#[must_use]
pub fn by_values<'a>(values: impl Iterator<Item = &'a str>) -> Option<(Category, f64)> {
    let mut counts = [0_u32; Category::ALL.len()];
    let mut all = 0_u32;
    for value in values {
        all += 1;
        if let Some(place) = Category::ALL.iter().position(|category| category.is_like(value)) {
            counts[place] += 1;
        }
    }
    let (place, count) = counts.iter().enumerate().max_by_key(|(_, count)| **count)?;
    (*count > 0).then(|| (Category::ALL[place], f64::from(*count) / f64::from(all)))
}

/// The words of a name: `homePhone_no2` has home, phone, no, 2.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut former = None;
    for letter in name.chars() {
        let kind = (letter.is_alphabetic(), letter.is_numeric());
        let is_capital_after_small =
            letter.is_uppercase() && former.is_some_and(|former: char| former.is_lowercase());
        let is_other_kind = former.is_none_or(|former| (former.is_alphabetic(), former.is_numeric()) != kind);
        former = Some(letter);
        if kind == (false, false) {
            continue;
        }
        match words.last_mut() {
            Some(word) if !is_other_kind && !is_capital_after_small => word.extend(letter.to_lowercase()),
            _ => words.push(letter.to_lowercase().collect()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_tell() {
        for (name, expected) in [
            ("email", Some(Category::Email)),
            ("customerEmail", Some(Category::Email)),
            ("E-Mail", Some(Category::Email)),
            ("home_phone2", Some(Category::Phone)),
            ("SSN", Some(Category::NationalId)),
            ("ssn_hash", Some(Category::NationalId)),
            ("date_of_birth", Some(Category::BirthDate)),
            ("birthDate", Some(Category::BirthDate)),
            ("card_number", Some(Category::Card)),
            ("iban", Some(Category::Account)),
            ("last_name", Some(Category::Name)),
            ("zip", Some(Category::Address)),
            ("company", None),
            ("panel", None),
            ("hotel", None),
            ("mission", None),
            ("discard", None),
            ("", None),
        ] {
            assert_eq!(by_name(name), expected, "{name}");
        }
    }

    #[test]
    fn values_tell() {
        for (category, like, unlike) in [
            (
                Category::Email,
                &["a@b.de", "first.last+tag@sub.example.com"][..],
                &["a@b", "@b.de", "a b@c.de", "a@b..de", "a@@b.de x"][..],
            ),
            (
                Category::Account,
                &["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32"][..],
                &["DE89370400440532013001", "DE", "de89370400440532013000"][..],
            ),
            (
                Category::Card,
                &["4111111111111111", "5500-0000-0000-0004", "3782 822463 10005"][..],
                &[
                    "4111111111111112",
                    "411111111111",
                    "4111111111111111x",
                    "9111111111111111",
                ][..],
            ),
            (
                Category::NationalId,
                &["123-45-6789", "AB 12 34 56 C", "255081416802538"][..],
                &[
                    "000-45-6789",
                    "123-00-6789",
                    "923-45-6789",
                    "255081416802539",
                    "1-2-3",
                ][..],
            ),
            (
                Category::Phone,
                &["+49 30 1234567", "(030) 1234567", "555-123-4567"][..],
                &["1234567", "2026-11-30", "12 34", "+49 abc 1234567"][..],
            ),
        ] {
            for value in like {
                assert!(category.is_like(value), "{category:?}: {value}");
            }
            for value in unlike {
                assert!(!category.is_like(value), "{category:?}: {value}");
            }
        }
    }

    #[test]
    fn the_share_counts() {
        let values = ["a@b.de", "c@d.de", "nothing", "e@f.de"];
        assert_eq!(by_values(values.into_iter()), Some((Category::Email, 0.75)));
        assert_eq!(by_values(["x", "y"].into_iter()), None);
        assert_eq!(by_values(std::iter::empty()), None);
    }

    #[test]
    fn no_text_is_too_odd() {
        for value in [
            "",
            "@",
            "é@ü.de",
            "\u{1F600}-1-2",
            "-",
            "--",
            "+",
            &"9".repeat(10_000),
        ] {
            let _category = by_values(std::iter::once(value));
            let _name = by_name(value);
        }
    }
}
