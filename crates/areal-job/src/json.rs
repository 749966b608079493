//! JSON documents with a `format` field: read with line and column of a fault, written whole or not at all.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{FileError, StagedFile, plain_words};

/// Reads a JSON document whose top-level `format` field must be `format` (such as `areal-store/1`).
///
/// # Errors
/// [`FileError::Format`] for another format, [`FileError::Json`] with line and column for anything that does not fit.
pub fn read_json<T: DeserializeOwned>(path: &Path, format: &'static str) -> Result<T, FileError> {
    read_json_of(path, &[format])
}

/// Reads a JSON document that has one of several formats: the present one first, then earlier ones that `T` takes too.
///
/// # Errors
/// As [`read_json`]; the error names all the formats.
pub fn read_json_of<T: DeserializeOwned>(path: &Path, formats: &[&'static str]) -> Result<T, FileError> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        format: String,
    }
    let text = std::fs::read_to_string(path).map_err(FileError::io("read", path))?;
    let fault = |e: serde_json::Error| {
        let (line, column) = (e.line(), e.column());
        let message = e.to_string();
        // The place is told with the file.
        let message = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
        FileError::Json { path: path.to_path_buf(), line, column, message: plain_words(message) }
    };
    let head: Head = serde_json::from_str(&text).map_err(fault)?;
    if !formats.contains(&head.format.as_str()) {
        return Err(FileError::Format { path: path.to_path_buf(), found: head.format, expected: formats.to_vec() });
    }
    serde_json::from_str(&text).map_err(fault)
}

/// Writes a document as indented JSON, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json<T: Serialize>(path: &Path, document: &T) -> Result<(), FileError> {
    let mut text = serde_json::to_vec_pretty(document).map_err(|e| FileError::Io {
        action: "write",
        path: path.to_path_buf(),
        source: e.into(),
    })?;
    text.push(b'\n');
    let staged = StagedFile::new(path)?;
    std::fs::write(staged.path(), text).map_err(FileError::io("write", path))?;
    staged.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Doc {
        format: String,
        n: u32,
    }

    #[test]
    fn a_document_comes_back_and_a_wrong_one_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let doc = Doc { format: "areal-test/1".into(), n: 3 };
        write_json(&path, &doc).unwrap();
        assert_eq!(read_json::<Doc>(&path, "areal-test/1").unwrap(), doc);
        let other = read_json::<Doc>(&path, "areal-test/2").unwrap_err().to_string();
        assert!(other.ends_with("has format \"areal-test/1\", expected \"areal-test/2\""), "{other}");
        assert_eq!(read_json_of::<Doc>(&path, &["areal-test/2", "areal-test/1"]).unwrap(), doc);
        // One format of two was named.
        let other = read_json_of::<Doc>(&path, &["areal-test/3", "areal-test/2"]).unwrap_err().to_string();
        assert!(other.ends_with("\"areal-test/1\", expected \"areal-test/3\" or \"areal-test/2\""), "{other}");
        std::fs::write(&path, "{\"format\": \"areal-test/1\",\n \"m\": 3}").unwrap();
        let fault = read_json::<Doc>(&path, "areal-test/1").unwrap_err().to_string();
        assert!(fault.contains("line 2, column 4") && fault.contains("`m`"), "{fault}");
    }

    #[test]
    fn fault_23_every_fraction_comes_back_as_the_same_number() {
        // Without correct rounding, one in ten of these reads as the next number.
        for n in 1..400u32 {
            for k in 0..n {
                let fraction = f64::from(k) / f64::from(n);
                let text = serde_json::to_string(&fraction).unwrap();
                assert_eq!(
                    serde_json::from_str::<f64>(&text).unwrap().to_bits(),
                    fraction.to_bits(),
                    "{k}/{n}: {text}"
                );
            }
        }
    }
}
