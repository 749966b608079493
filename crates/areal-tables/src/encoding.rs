//! Bytes to text: UTF-8, UTF-16 with a byte order mark, or an encoding that is named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An encoding of text by a name of the Encoding Standard: `windows-1252`, `latin1`, `gbk` ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Encoding(&'static encoding_rs::Encoding);

/// An unknown encoding name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown encoding \"{0}\"; for example windows-1252, iso-8859-2, windows-1251, shift_jis or gbk")]
pub struct UnknownEncoding(String);

/// Bytes that are not valid in the expected encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not {expected} text")]
pub struct NotText {
    /// The first line with such bytes, from 1.
    pub line: usize,
    /// Name of the encoding.
    pub expected: &'static str,
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(text: &str) -> Result<Self, UnknownEncoding> {
        let name = text.trim().to_ascii_lowercase();
        // Windows code pages have this name in GDAL and Python.
        let label =
            name.strip_prefix("cp").filter(|page| page.starts_with("125")).map(|page| format!("windows-{page}"));
        let found = encoding_rs::Encoding::for_label_no_replacement(label.unwrap_or(name).as_bytes());
        found.map(Self).ok_or_else(|| UnknownEncoding(text.to_owned()))
    }
}

impl TryFrom<String> for Encoding {
    type Error = UnknownEncoding;

    fn try_from(text: String) -> Result<Self, UnknownEncoding> {
        text.parse()
    }
}

impl From<Encoding> for String {
    fn from(encoding: Encoding) -> Self {
        encoding.to_string()
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Encoding {
    /// The text of a file: by its byte order mark if it has one, else in the encoding that is named, else in UTF-16 where its first
    /// two bytes are a plain letter in that, else in UTF-8.
    ///
    /// # Errors
    /// [`NotText`] with the line.
    pub fn decode(named: Option<Self>, bytes: &[u8]) -> Result<String, NotText> {
        let (encoding, bytes) = match (encoding_rs::Encoding::for_bom(bytes), named) {
            (Some((encoding, mark)), _) => (encoding, &bytes[mark..]),
            (None, Some(named)) => (named.0, bytes),
            (None, None) => match bytes {
                [1..=255, 0, ..] => (encoding_rs::UTF_16LE, bytes),
                [0, 1..=255, ..] => (encoding_rs::UTF_16BE, bytes),
                _ => (encoding_rs::UTF_8, bytes),
            },
        };
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
        text.map(std::borrow::Cow::into_owned).ok_or_else(|| {
            // The text up to the first fault has as many lines.
            let (lossy, _) = encoding.decode_without_bom_handling(bytes);
            let good = lossy.split('\u{fffd}').next().unwrap_or_default();
            NotText { line: good.matches('\n').count() + 1, expected: encoding.name() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_by_its_mark_its_name_or_as_utf_8() {
        let decode =
            |name: &str, bytes: &[u8]| Encoding::decode((!name.is_empty()).then(|| name.parse().unwrap()), bytes);
        assert_eq!(decode("", "Mühle".as_bytes()).unwrap(), "Mühle");
        assert_eq!(decode("", b"\xef\xbb\xbfMa").unwrap(), "Ma");
        assert_eq!(decode("", b"\xff\xfeM\0\xfc\0").unwrap(), "Mü");
        assert_eq!(decode("", b"\xfe\xff\0M\0\xfc").unwrap(), "Mü");
        assert_eq!(decode("", b"M\0\xfc\0").unwrap(), "Mü");
        assert_eq!(decode("", b"\0M\0\xfc").unwrap(), "Mü");
        for name in ["cp1252", "windows-1252", "latin1", "ISO-8859-1"] {
            assert_eq!(decode(name, b"M\xfchle").unwrap(), "Mühle", "{name}");
        }
        assert_eq!(decode("cp1251", b"\xeb\xe5\xf1").unwrap(), "лес");
        assert_eq!(decode("", b"a\nb\nM\xfchle\n").unwrap_err(), NotText { line: 3, expected: "UTF-8" });
        assert!("cp9999".parse::<Encoding>().unwrap_err().to_string().contains("windows-1252"));
    }
}
