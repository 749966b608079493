//! Class lists as people write them, and the legends made from them.

use std::collections::BTreeSet;
use std::path::Path;

use areal_grid::{Class, Target, default_colour};
use areal_job::FileError;
use serde::{Deserialize, Serialize};

use crate::PatchError;

/// A class as a person lists it: `forest`, `3=forest` or `3=forest:#1b7837`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedClass {
    /// Its code, 0 to 254; without one, its place in the list.
    pub code: Option<u8>,
    pub name: String,
    /// Its colour; without one, [`default_colour`] of its place in the list.
    pub colour: Option<[u8; 3]>,
}

impl std::str::FromStr for ListedClass {
    type Err = PatchError;

    fn from_str(text: &str) -> Result<Self, PatchError> {
        let (rest, colour) = match text.rsplit_once(":#") {
            Some((rest, hex)) => (rest, Some(colour(hex)?)),
            None => (text, None),
        };
        let (code, name) = match rest.split_once('=') {
            Some((code, name)) => (Some(parse_code(code)?), name),
            None => (None, rest),
        };
        Ok(Self { code, name: name.trim().to_owned(), colour })
    }
}

fn fault(reason: String) -> PatchError {
    PatchError::Classes { reason }
}

fn parse_code(text: &str) -> Result<u8, PatchError> {
    match text.trim().parse::<u8>() {
        Ok(code) if code != Target::NODATA_CLASS => Ok(code),
        _ => Err(fault(format!("\"{text}\" is not a class code; codes are 0 to 254, and 255 is nodata"))),
    }
}

fn colour(hex: &str) -> Result<[u8; 3], PatchError> {
    let digits = hex.trim().trim_start_matches('#');
    let hex_digit = |d: &&str| d.bytes().all(|b| b.is_ascii_hexdigit());
    let part = |i: usize| digits.get(i..i + 2).filter(hex_digit).and_then(|d| u8::from_str_radix(d, 16).ok());
    match (digits.len(), part(0), part(2), part(4)) {
        (6, Some(r), Some(g), Some(b)) => Ok([r, g, b]),
        _ => Err(fault(format!("\"{hex}\" is not a colour; write #rrggbb, such as #1b7837"))),
    }
}

/// Reads a class list from a CSV file with the columns `name` and, if wanted, `code` and `colour` (`#rrggbb`).
///
/// # Errors
/// When the file cannot be read, has no column `name`, or holds a code or colour that is none.
pub fn read_class_list(path: &Path) -> Result<Vec<ListedClass>, PatchError> {
    let bad = |e: csv::Error| fault(format!("{}: {e}", path.display()));
    let file = std::fs::File::open(path).map_err(FileError::io("read", path))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let headers = reader.headers().map_err(bad)?.clone();
    let column = |name: &str| headers.iter().position(|h| h.eq_ignore_ascii_case(name));
    let name = column("name").ok_or_else(|| fault(format!("{} has no column \"name\"", path.display())))?;
    let (code, colours) = (column("code"), column("colour"));
    let mut classes = Vec::new();
    for row in reader.records() {
        let row = row.map_err(bad)?;
        let cell = |i: Option<usize>| i.and_then(|i| row.get(i)).filter(|text| !text.is_empty());
        classes.push(ListedClass {
            code: cell(code).map(parse_code).transpose()?,
            name: row.get(name).unwrap_or("").to_owned(),
            colour: cell(colours).map(colour).transpose()?,
        });
    }
    Ok(classes)
}

/// The legend of a class list, in ascending order of code.
///
/// # Errors
/// When a name is empty, a name or code comes twice, or there are more than 255 classes.
pub fn legend(listed: &[ListedClass]) -> Result<Vec<Class>, PatchError> {
    if listed.len() > 255 {
        return Err(fault(format!("{} classes; at most 255 have a code", listed.len())));
    }
    let mut classes = Vec::with_capacity(listed.len());
    let (mut names, mut codes) = (BTreeSet::new(), BTreeSet::new());
    for (i, class) in listed.iter().enumerate() {
        let code = class.code.unwrap_or(i as u8);
        if class.name.is_empty() {
            return Err(fault(format!("the class of code {code} has no name")));
        }
        if !names.insert(&class.name) {
            return Err(fault(format!("class \"{}\" is listed twice", class.name)));
        }
        if !codes.insert(code) {
            return Err(fault(format!("code {code} is listed twice")));
        }
        let colour = class.colour.unwrap_or_else(|| default_colour(i));
        classes.push(Class { code, name: class.name.clone(), colour });
    }
    classes.sort_by_key(|class| class.code);
    Ok(classes)
}

/// The legend of these names: codes from 0 in ascending order of the names (of their numbers, if all are numbers).
///
/// # Errors
/// When there are more than 255.
pub fn legend_of_names(names: BTreeSet<String>) -> Result<Vec<Class>, PatchError> {
    let mut names: Vec<String> = names.into_iter().collect();
    if let Ok(numbers) = names.iter().map(|name| name.parse::<i64>()).collect::<Result<Vec<_>, _>>() {
        let mut numbered: Vec<_> = numbers.into_iter().zip(names).collect();
        numbered.sort_by_key(|(number, _)| *number);
        names = numbered.into_iter().map(|(_, name)| name).collect();
    }
    let unlisted = |name| ListedClass { code: None, name, colour: None };
    legend(&names.into_iter().map(unlisted).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(items: &[&str]) -> Result<Vec<Class>, PatchError> {
        legend(&items.iter().map(|i| i.parse()).collect::<Result<Vec<ListedClass>, _>>()?)
    }

    #[test]
    fn codes_and_colours_are_taken_as_given() {
        let classes = parse(&["5=water:#0000ff", "2=forest"]).unwrap();
        assert_eq!(classes[0], Class { code: 2, name: "forest".into(), colour: default_colour(1) });
        assert_eq!(classes[1], Class { code: 5, name: "water".into(), colour: [0, 0, 255] });
        assert_eq!(parse(&["b", "a"]).unwrap()[0].name, "b");
    }

    #[test]
    fn names_give_codes_in_their_order() {
        let names = |list: &[&str]| legend_of_names(list.iter().map(ToString::to_string).collect()).unwrap();
        let texts: Vec<_> = names(&["water", "forest", "10"]).into_iter().map(|c| c.name).collect();
        assert_eq!(texts, ["10", "forest", "water"]);
        let numbers: Vec<_> = names(&["10", "9"]).into_iter().map(|c| (c.code, c.name)).collect();
        assert_eq!(numbers, [(0, "9".into()), (1, "10".into())]);
    }

    #[test]
    fn bad_lists_are_refused() {
        for (items, said) in [
            (vec!["255=x"], "255 is nodata"),
            (vec!["x=y"], "not a class code"),
            (vec!["1=a", "1=b"], "code 1 is listed twice"),
            (vec!["1=a", "2=a"], "\"a\" is listed twice"),
            (vec!["1="], "has no name"),
            (vec!["a:#12345"], "not a colour"),
            (vec!["a:#+12345"], "not a colour"),
        ] {
            let message = parse(&items).unwrap_err().to_string();
            assert!(message.contains(said), "{items:?}: {message}");
        }
    }

    #[test]
    fn a_list_is_read_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes.csv");
        std::fs::write(&path, "code, name, colour\n3, forest, #1b7837\n1, water,\n").unwrap();
        let classes = legend(&read_class_list(&path).unwrap()).unwrap();
        assert_eq!((classes[0].code, classes[1].colour), (1, [0x1b, 0x78, 0x37]));
        std::fs::write(&path, "code\n3\n").unwrap();
        assert!(read_class_list(&path).unwrap_err().to_string().contains("no column \"name\""));
    }
}
