//! Verification codes of certificates (C3): 80 random bits in Crockford's base32.

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The code of 80 bits: 16 characters in groups of four.
pub fn format(bits: [u8; 10]) -> String {
    let mut number = bits.iter().fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
    let mut characters = Vec::with_capacity(16);
    for _ in 0..16 {
        let index = usize::try_from(number & 31).unwrap_or(0);
        characters.push(ALPHABET.get(index).copied().map_or('0', char::from));
        number >>= 5;
    }
    let mut code = String::with_capacity(19);
    for (n, c) in characters.iter().rev().enumerate() {
        if n > 0 && n % 4 == 0 {
            code.push('-');
        }
        code.push(*c);
    }
    code
}

/// The canonical form of a code as a person types it: case, O, I and L folded, anything else between
/// ignored. `None` when it cannot be a code.
pub fn parse(typed: &str) -> Option<String> {
    let mut code = String::with_capacity(19);
    let mut count = 0;
    for c in typed.chars().filter(|c| !matches!(c, '-' | ' ' | '\u{2013}' | '\u{2011}')) {
        let folded = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if !u8::try_from(folded).is_ok_and(|byte| ALPHABET.contains(&byte)) || count == 16 {
            return None;
        }
        if count > 0 && count % 4 == 0 {
            code.push('-');
        }
        code.push(folded);
        count += 1;
    }
    (count == 16).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c3_codes_have_16_characters_and_are_read_as_people_type_them() {
        let code = format([0xff, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0]);
        assert_eq!(code.len(), 19);
        assert_eq!(parse(&code).as_deref(), Some(code.as_str()));
        let typed = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(parse(&typed).as_deref(), Some(code.as_str()));
        assert_eq!(parse("ABCD"), None);
        assert_eq!(parse("UUUU-UUUU-UUUU-UUUU"), None);
    }

    #[test]
    fn c3_every_bit_counts() {
        let base = [0_u8; 10];
        let mut seen = std::collections::HashSet::from([format(base)]);
        for bit in 0..80 {
            let mut bits = base;
            bits[bit / 8] ^= 1 << (bit % 8);
            assert!(seen.insert(format(bits)));
        }
    }
}
