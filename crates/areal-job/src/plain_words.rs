//! Messages of parsers without the names of types in the program.

/// What a type is called in a message of a parser, and in plain words.
const TYPES: [(&str, &str); 22] = [
    ("usize", "a whole number of 0 or more"),
    ("u64", "a whole number of 0 or more"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u16", "a whole number from 0 to 65535"),
    ("u8", "a whole number from 0 to 255"),
    ("isize", "a whole number"),
    ("i64", "a whole number"),
    ("i32", "a whole number from -2147483648 to 2147483647"),
    ("i16", "a whole number from -32768 to 32767"),
    ("i8", "a whole number from -128 to 127"),
    ("f32", "a number"),
    ("f64", "a number"),
    ("a nonzero usize", "a whole number of 1 or more"),
    ("a nonzero u64", "a whole number of 1 or more"),
    ("a boolean", "true or false"),
    ("a borrowed string", "a string"),
    ("path string", "a path in quotes"),
    ("string or map", "a string or a table"),
    ("unit variant", "a name alone"),
    ("newtype variant", "a name with a value"),
    ("a sequence", "a list"),
    ("a map", "a table"),
];

/// What was found, in the words of a parser and in plain ones.
const FOUND: [(&str, &str); 7] = [
    ("floating point", "number"),
    ("integer", "whole number"),
    ("sequence", "list"),
    ("map", "table"),
    ("unit value", "nothing"),
    ("unit variant", "a name"),
    ("newtype variant", "a name with a value"),
];

/// The message of a parser of TOML or JSON in plain words: `invalid value: whole number -5, expected a whole number of 0 or more` in place of
/// ``invalid value: integer `-5`, expected usize``. Other messages stay as they are.
pub fn plain_words(message: &str) -> String {
    let kinds = ["invalid type: ", "invalid value: "];
    let Some(kind) = kinds.iter().find(|kind| message.starts_with(**kind)) else { return message.to_owned() };
    let Some((found, expected)) = message[kind.len()..].rsplit_once(", expected ") else { return message.to_owned() };
    let found = FOUND
        .iter()
        .find_map(|(word, plain)| Some(format!("{plain}{}", found.strip_prefix(word)?)))
        .unwrap_or_else(|| found.to_owned());
    let expected = match TYPES.iter().find(|(name, _)| *name == expected) {
        Some((_, plain)) => (*plain).to_owned(),
        // Names of types in the program.
        None if ["struct ", "internally tagged enum ", "adjacently tagged enum "]
            .iter()
            .any(|t| expected.starts_with(t)) =>
        {
            "a table".to_owned()
        }
        None if expected.starts_with("enum ") => "a name or a table".to_owned(),
        None if ["tuple struct ", "a tuple of size ", "an array of length "]
            .iter()
            .any(|t| expected.starts_with(t)) =>
        {
            match expected.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok()) {
                Some(n) => format!("a list of {n}"),
                None => "a list".to_owned(),
            }
        }
        None => expected.to_owned(),
    };
    format!("{kind}{found}, expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_of_the_program_is_named() {
        for (message, plain) in [
            (
                "invalid type: string \"x\", expected usize",
                "invalid type: string \"x\", expected a whole number of 0 or more",
            ),
            (
                "invalid value: integer `-5`, expected u32",
                "invalid value: whole number `-5`, expected a whole number from 0 to 4294967295",
            ),
            (
                "invalid type: floating point `0.5`, expected u64",
                "invalid type: number `0.5`, expected a whole number of 0 or more",
            ),
            ("invalid type: sequence, expected a string", "invalid type: list, expected a string"),
            ("invalid type: integer `3`, expected struct Options", "invalid type: whole number `3`, expected a table"),
            ("invalid type: map, expected an array of length 2", "invalid type: table, expected a list of 2"),
            (
                "invalid type: string \"a, expected b\", expected f64",
                "invalid type: string \"a, expected b\", expected a number",
            ),
            ("unknown field `epochz`, expected `epochs`", "unknown field `epochz`, expected `epochs`"),
        ] {
            assert_eq!(plain_words(message), plain);
        }
    }

    /// The words of the parsers are theirs: whatever type a key has, none of its names is in the message.
    #[test]
    fn the_messages_of_the_parser_are_known() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "parsed to see what the parser says")]
        struct Inner {
            a: u8,
        }
        fn said<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
            let message = serde_json::from_str::<T>(text).unwrap_err().to_string();
            plain_words(message.split(" at line ").next().unwrap())
        }
        assert_eq!(said::<usize>("\"x\""), "invalid type: string \"x\", expected a whole number of 0 or more");
        assert_eq!(said::<usize>("-1"), "invalid value: whole number `-1`, expected a whole number of 0 or more");
        assert_eq!(said::<u8>("300"), "invalid value: whole number `300`, expected a whole number from 0 to 255");
        assert_eq!(said::<f64>("[]"), "invalid type: list, expected a number");
        assert_eq!(said::<bool>("1.5"), "invalid type: number `1.5`, expected true or false");
        assert_eq!(said::<Vec<u8>>("{}"), "invalid type: table, expected a list");
        assert_eq!(said::<Inner>("3"), "invalid type: whole number `3`, expected a table");
        assert_eq!(said::<std::path::PathBuf>("3"), "invalid type: whole number `3`, expected a path in quotes");
        assert_eq!(
            said::<std::num::NonZeroUsize>("0"),
            "invalid value: whole number `0`, expected a whole number of 1 or more"
        );
    }
}
