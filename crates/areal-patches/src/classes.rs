//! The legends that are made from class lists and from the names in labels.

use std::collections::BTreeSet;

use areal_grid::{Class, Target, default_colour};
use areal_tables::{CodeRule, LegendRow, Recoding, clean, warn_of_near_identical};

use crate::PatchError;

/// A legend, and which code in a label raster or field stands for which of its classes.
#[derive(Debug, Clone)]
pub(crate) struct Legend {
    /// In ascending order of code.
    pub classes: Vec<Class>,
    /// Its places are those of `codes`, not of `classes`.
    pub recoding: Recoding,
    /// The code of each class of `recoding`.
    pub codes: Vec<u8>,
}

impl Legend {
    /// The class code that a code in the labels stands for.
    pub(crate) fn code(&self, label: i64) -> Option<u8> {
        self.recoding.place(label).map(|place| self.codes[place])
    }

    /// The colour that the list or the raster gives a class.
    pub(crate) fn given_colour(&self, code: u8) -> Option<[u8; 3]> {
        let place = self.codes.iter().position(|c| *c == code)?;
        self.recoding.classes[place].colour
    }
}

fn fault(reason: String) -> PatchError {
    PatchError::Classes { reason }
}

/// The legend of a class list and of rules that map codes to classes. Classes keep the codes of the list, or their places in it
/// where they have none. Where a code is above 254, or codes are mapped and some class has none, all codes are places.
///
/// # Errors
/// When a name is empty, a name or code comes twice, or there are more than 255 classes.
pub(crate) fn legend(listed: &[LegendRow], rules: &[CodeRule]) -> Result<Legend, PatchError> {
    let mut recoding = Recoding::new(listed, rules)?;
    if recoding.classes.len() > 255 {
        return Err(fault(format!("{} classes; at most 255 have a code", recoding.classes.len())));
    }
    let is_class = |code: i64| (0..i64::from(Target::NODATA_CLASS)).contains(&code);
    let mapped = !rules.is_empty() || listed.iter().any(|row| row.parent.is_some());
    let all_fit = recoding.classes.iter().all(|class| class.code.map_or(!mapped, is_class));
    if !all_fit && recoding.classes.iter().any(|class| class.code.is_some()) {
        tracing::warn!(
            "class codes in rasters are 0 to 254: the classes get the codes 0 to {} in the order of the list",
            recoding.classes.len() - 1
        );
    }
    let codes: Vec<u8> = recoding
        .classes
        .iter()
        .enumerate()
        .map(|(place, class)| class.code.filter(|_| all_fit).map_or(place as u8, |code| code as u8))
        .collect();
    if let Some((k, code)) = codes.iter().enumerate().find(|(k, code)| codes[..*k].contains(code)) {
        let name = &recoding.classes[k].name;
        return Err(fault(format!(
            "code {code} is listed twice: a class without a code, such as \"{name}\", has its place in the list"
        )));
    }
    if !mapped {
        // Classes without codes are found by those that they have now.
        let with_codes =
            |(row, code): (&LegendRow, &u8)| LegendRow { code: row.code.or(Some(i64::from(*code))), ..row.clone() };
        recoding = Recoding::new(&listed.iter().zip(&codes).map(with_codes).collect::<Vec<_>>(), &[])?;
    }
    let class = |(place, (class, code)): (usize, (&areal_tables::RecodedClass, &u8))| Class {
        code: *code,
        name: class.name.clone(),
        colour: class.colour.unwrap_or_else(|| default_colour(place)),
    };
    let mut classes: Vec<Class> = recoding.classes.iter().zip(&codes).enumerate().map(class).collect();
    classes.sort_by_key(|class| class.code);
    warn_of_near_identical("class list", classes.iter().map(|class| class.name.as_str()));
    Ok(Legend { classes, recoding, codes })
}

/// The legend of these names, cleaned of spaces: codes from 0 in ascending order of the names. Names that are all whole numbers from 0
/// to 254 are their own codes, so that a label means the same as a name and as a code.
///
/// # Errors
/// When there are more than 255.
pub(crate) fn legend_of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Legend, PatchError> {
    let names: BTreeSet<String> = names.into_iter().map(clean).filter(|name| !name.is_empty()).collect();
    let own_code = |name: &String| {
        name.parse::<u8>().ok().filter(|code| *code < Target::NODATA_CLASS && code.to_string() == *name)
    };
    let numbers: Option<Vec<u8>> = names.iter().map(own_code).collect();
    let row = |(k, name): (usize, String)| LegendRow {
        code: numbers.as_ref().map(|codes| i64::from(codes[k])),
        name,
        colour: None,
        parent: None,
    };
    legend(&names.into_iter().enumerate().map(row).collect::<Vec<_>>(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(items: &[&str]) -> Result<Vec<Class>, PatchError> {
        Ok(read(items, &[])?.classes)
    }

    fn read(items: &[&str], rules: &[&str]) -> Result<Legend, PatchError> {
        let rows = items.iter().map(|i| i.parse()).collect::<Result<Vec<LegendRow>, _>>()?;
        legend(&rows, &rules.iter().map(|r| r.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn codes_and_colours_are_taken_as_given() {
        let classes = parse(&["5=water:#0000ff", "2=forest"]).unwrap();
        assert_eq!(classes[0], Class { code: 2, name: "forest".into(), colour: default_colour(1) });
        assert_eq!(classes[1], Class { code: 5, name: "water".into(), colour: [0, 0, 255] });
        assert_eq!(parse(&["b", "a"]).unwrap()[0].name, "b");
        assert_eq!(read(&["b", "a"], &[]).unwrap().code(1), Some(1));
    }

    #[test]
    fn names_give_codes_in_their_order_and_numbers_are_their_own() {
        let names = |list: &[&str]| legend_of_names(list.iter().copied()).unwrap().classes;
        let texts: Vec<_> = names(&["water", "forest", "10", "water\u{a0}"]).into_iter().map(|c| c.name).collect();
        assert_eq!(texts, ["10", "forest", "water"]);
        let codes = |list: &[&str]| names(list).into_iter().map(|c| (c.code, c.name)).collect::<Vec<_>>();
        assert_eq!(codes(&["10", "9"]), [(9, "9".into()), (10, "10".into())]);
        // These cannot all be codes.
        assert_eq!(codes(&["311", "9"]), [(0, "311".into()), (1, "9".into())]);
        assert_eq!(codes(&["01", "1"]), [(0, "01".into()), (1, "1".into())]);
    }

    #[test]
    fn fault_15_codes_above_254_are_mapped_to_classes() {
        let legend = read(&["0=other", "255=building"], &[]).unwrap();
        assert_eq!((legend.code(0), legend.code(255), legend.code(7)), (Some(0), Some(1), None));
        let legend = read(&[], &["311,312,313=forest", "111-142=built-up", "*=other"]).unwrap();
        assert_eq!((legend.code(312), legend.code(120), legend.code(999)), (Some(0), Some(1), Some(2)));
        let names: Vec<&str> = legend.classes.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["forest", "built-up", "other"]);
        // Codes that fit stay.
        let legend = read(&["3=forest", "7=water"], &["311=forest", "511=water"]).unwrap();
        assert_eq!((legend.code(311), legend.code(511), legend.classes[1].code), (Some(3), Some(7), 7));
    }

    #[test]
    fn bad_lists_are_refused() {
        for (items, said) in [
            (vec!["x=y"], "not a class code"),
            (vec!["1=a", "1=b"], "code 1 twice"),
            (vec!["1=a", "b"], "code 1 is listed twice"),
            (vec!["1=a", "2=a"], "class \"a\" twice"),
            (vec!["1="], "without a name"),
        ] {
            let message = parse(&items).unwrap_err().to_string();
            assert!(message.contains(said), "{items:?}: {message}");
        }
    }
}
