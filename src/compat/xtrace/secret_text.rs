//! Detects text that XTrace's SDK, or this crate, would read as a secret key.
//!
//! This is a scanner, not a parser. It must find every text that any JSON parser accepts as such a key, so it is more
//! lenient than all of them. Its false positives are texts that nobody needs to seal.

use std::iter::Peekable;

/// How many characters of a field name are kept: one more than the longest relevant name, `g_a_inv`, has.
const LONGEST_NAME: usize = 8;

/// Returns whether a text is a JSON object with the fields of a secret key in XTrace's format. Other fields and the
/// layout do not matter, and the text may be in any encoding that Python's `json.loads` detects.
pub(super) fn is_secret_key(text: &[u8]) -> bool {
    let utf8 = text.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let utf16 = |read: fn([u8; 2]) -> u16| {
        let units = text.chunks_exact(2).filter_map(|unit| unit.try_into().ok()).map(read);
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
    };
    let utf32 = |read: fn([u8; 4]) -> u32| {
        let units = text.chunks_exact(4).filter_map(|unit| unit.try_into().ok()).map(read);
        units.map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
    };
    has_fields(utf8)
        || has_fields(utf16(u16::from_le_bytes))
        || has_fields(utf16(u16::from_be_bytes))
        || has_fields(utf32(u32::from_le_bytes))
        || has_fields(utf32(u32::from_be_bytes))
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c == '\0'
}

/// Which fields of a secret key were found.
#[derive(Default)]
struct Seen {
    phi: bool,
    inv: bool,
    a: bool,
    g_a_inv: bool,
}

impl Seen {
    fn add(&mut self, name: &str) {
        match name {
            "phi" => self.phi = true,
            "inv" => self.inv = true,
            "a" => self.a = true,
            "g_a_inv" => self.g_a_inv = true,
            _ => {}
        }
    }

    fn is_key(&self) -> bool {
        self.phi && (self.inv || (self.a && self.g_a_inv))
    }
}

fn has_fields(text: impl Iterator<Item = char>) -> bool {
    let mut text = text.skip_while(|c| is_blank(*c)).peekable();
    if text.next() != Some('{') {
        return false;
    }
    let (mut seen, mut depth) = (Seen::default(), 1u64);
    while let Some(c) = text.next() {
        match c {
            '"' => {
                let name = string(&mut text);
                while text.next_if(|c| is_blank(*c)).is_some() {}
                if depth == 1 && text.peek() == Some(&':') {
                    seen.add(&name);
                }
            }
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 || seen.is_key() {
            break;
        }
    }
    seen.is_key()
}

/// Reads the rest of a string after its opening quote. Returns at most its first [`LONGEST_NAME`] characters.
fn string(text: &mut Peekable<impl Iterator<Item = char>>) -> String {
    let mut out = String::new();
    while let Some(c) = text.next() {
        let c = match c {
            '"' => break,
            '\\' => match text.next() {
                Some('u') => {
                    let digits = (0..4).map_while(|_| text.next_if(char::is_ascii_hexdigit)?.to_digit(16));
                    char::from_u32(digits.fold(0, |code, digit| code * 16 + digit))
                        .unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                // No relevant name has another escape.
                _ => char::REPLACEMENT_CHARACTER,
            },
            c => c,
        };
        if out.chars().count() < LONGEST_NAME {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 10] = [
        r#"{"phi": "1", "inv": "2"}"#,
        r#"{"phi": 1, "a": 2, "g_a_inv": 3}"#,
        r#"{"g_a_inv":3,"a":2,"phi":1}"#,
        "\u{feff} \r\n\t{\n \"inv\" :\t\"2\" ,\"more\": [{\"}\": \"\\\"\"}], \"phi\"\n: \"1\"}\n ",
        r#"{"\u0070hi": "1", "\u0069\u006E\u0076": "2"}"#,
        r#"{"phi": "0", "phi": "1", "inv": "0", "inv": "2"}"#,
        r#"{"a \" quote": "\\", "phi": NaN, "inv": -Infinity}"#,
        r#"{"phi": {"phi": [1]}, "inv": "{"}"#,
        // Not valid JSON, but refused too.
        r#"{"phi": "1", "inv": "2""#,
        r#"{"phi": "1", "inv": "2"} and more"#,
    ];

    const OTHERS: [&str; 9] = [
        "",
        "phi and inv",
        r#"{"phi": "1"}"#,
        r#"{"phi": 1, "a": 2}"#,
        r#"{"inv": "2", "a": 1, "g_a_inv": 2}"#,
        r#"{"about": {"phi": "1", "inv": "2"}}"#,
        r#"{"about": "phi", "inv": "phi"}"#,
        r#"["phi", "inv"]"#,
        r#"{"text": "{\"phi\": 1, \"inv\": 2}"}"#,
    ];

    fn encodings(text: &str) -> [Vec<u8>; 5] {
        [
            text.as_bytes().to_vec(),
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        ]
    }

    #[test]
    fn keys_are_found_in_every_layout_and_encoding() {
        for text in KEYS {
            for bytes in encodings(text) {
                assert!(is_secret_key(&bytes), "{text}");
            }
        }
        // A character whose UTF-16 bytes contain the byte of a quote.
        for bytes in encodings(r#"{"∀": "∀", "phi": 1, "inv": 2}"#) {
            assert!(is_secret_key(&bytes));
        }
        // A value with bytes that are not valid UTF-8.
        assert!(is_secret_key(b"{\"x\": \"\xff\", \"phi\": \"\xc3\", \"inv\": 2}"));
    }

    #[test]
    fn other_content_is_not_a_key() {
        for text in OTHERS {
            for bytes in encodings(text) {
                assert!(!is_secret_key(&bytes), "{text}");
            }
        }
    }
}
