//! What values of personal data look like.

/// An address with a domain of two names or more.
pub fn is_email(value: &str) -> bool {
    let Some((local, domain)) = value.rsplit_once('@') else {
        return false;
    };
    let is_local = !local.is_empty() && local.len() <= 64 && !local.contains([' ', '@', ',', ';']);
    let labels: Vec<&str> = domain.split('.').collect();
    is_local
        && labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '-')
        })
}

/// ISO 13616: 15 to 34 letters and digits whose rest by 97 is 1 (ISO 7064).
pub fn is_iban(value: &str) -> bool {
    let letters: Vec<char> = value.chars().filter(|letter| *letter != ' ').collect();
    let is_formed = (15..=34).contains(&letters.len())
        && letters.iter().all(char::is_ascii_alphanumeric)
        && letters[..2].iter().all(char::is_ascii_uppercase)
        && letters[2..4].iter().all(char::is_ascii_digit);
    is_formed
        && letters[4..]
            .iter()
            .chain(&letters[..4])
            .filter_map(|letter| letter.to_digit(36))
            .fold(0, |rest, digit| {
                if digit < 10 {
                    (rest * 10 + digit) % 97
                } else {
                    (rest * 100 + digit) % 97
                }
            })
            == 1
}

/// ISO/IEC 7812: 13 to 19 digits, in groups or not, with the check digit of Luhn.
pub fn is_card(value: &str) -> bool {
    let digits: Vec<u32> = value
        .chars()
        .filter(|letter| ![' ', '-'].contains(letter))
        .map_while(|letter| letter.to_digit(10))
        .collect();
    let count = value
        .chars()
        .filter(|letter| ![' ', '-'].contains(letter))
        .count();
    let is_formed = (13..=19).contains(&count) && digits.len() == count && (3..=6).contains(&digits[0]);
    let sum = |digits: &[u32]| -> u32 {
        digits
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| match (place % 2, digit * 2) {
                (0, _) => *digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            })
            .sum()
    };
    is_formed && sum(&digits) % 10 == 0
}

/// Social security numbers of the United States, national insurance numbers of the United Kingdom, and numbers of France with their check digits.
pub fn is_national_id(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    if let [area, group, serial] = parts.as_slice() {
        let are_digits = [(area, 3), (group, 2), (serial, 4)]
            .iter()
            .all(|(part, length)| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit()));
        return are_digits
            && **area != *"000"
            && **area != *"666"
            && !area.starts_with('9')
            && **group != *"00"
            && **serial != *"0000";
    }
    let letters: Vec<u8> = value.bytes().filter(|byte| *byte != b' ').collect();
    let is_nino = letters.len() == 9
        && letters[..2].iter().all(u8::is_ascii_uppercase)
        && letters[2..8].iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&letters[8]);
    is_nino || is_french(&letters)
}

/// Thirteen digits, and two that make 97 with their rest.
fn is_french(digits: &[u8]) -> bool {
    if digits.len() != 15 || !digits.iter().all(u8::is_ascii_digit) || !matches!(digits[0], b'1' | b'2') {
        return false;
    }
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'))
    };
    97 - number(&digits[..13]) % 97 == number(&digits[13..])
}

/// With a plus or in groups: 7 to 15 digits (ITU-T E.164), and nothing else but what stands between them.
pub fn is_phone(value: &str) -> bool {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let is_grouped =
        value.starts_with('+') || value.contains([' ', '(', '/']) || value.matches('-').count() >= 2;
    // A date is none.
    let is_date = value.len() == 10 && value.matches('-').count() == 2 && digits == 8;
    (7..=15).contains(&digits)
        && is_grouped
        && !is_date
        && value
            .chars()
            .all(|letter| letter.is_ascii_digit() || [' ', '(', ')', '/', '-', '.', '+'].contains(&letter))
}
