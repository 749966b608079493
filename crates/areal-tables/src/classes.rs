//! From labels to classes: a column of labels holds names or codes, never both.

use std::collections::{BTreeMap, BTreeSet};

use areal_grid::Class;
use serde::{Deserialize, Serialize};

use crate::names::{key, whole_number};
use crate::{Recoding, clean};

/// How labels name classes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ClassNaming {
    Name,
    Code,
}

/// Labels that are not read as classes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelFault {
    /// Labels that are neither the names of classes nor their codes.
    #[error("{}", unknown_in_words(labels))]
    Unknown {
        /// Each with a class of a similar name, if there is one.
        labels: Vec<(String, Option<String>)>,
    },
    /// Names beside codes.
    #[error(
        "some labels are names ({}) and others are codes ({}); a column holds either names or codes",
        quoted(names),
        quoted(codes)
    )]
    Mixed { names: Vec<String>, codes: Vec<String> },
    /// Labels that are names of some classes and codes of others.
    #[error("labels can be read in two ways: {readings}")]
    Ambiguous { readings: String },
}

/// The first of some labels, in quotes.
fn quoted(labels: &[String]) -> String {
    labels.iter().take(SHOWN).map(|label| format!("\"{label}\"")).collect::<Vec<_>>().join(", ")
}

fn unknown_in_words(labels: &[(String, Option<String>)]) -> String {
    let one = |(label, near): &(String, Option<String>)| match near {
        Some(near) => format!("\"{label}\" (did you mean \"{near}\"?)"),
        None => format!("\"{label}\""),
    };
    let all: Vec<String> = labels.iter().map(one).collect();
    let (verb, noun) = if all.len() == 1 { ("is", "a class") } else { ("are", "classes") };
    format!("{} {verb} not {noun}", all.join(", "))
}

/// The classes that labels may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassKeys {
    names: Vec<String>,
    /// Places of the classes by code.
    codes: BTreeMap<i64, usize>,
}

impl From<&[Class]> for ClassKeys {
    fn from(classes: &[Class]) -> Self {
        Self {
            names: classes.iter().map(|class| clean(&class.name)).collect(),
            codes: classes.iter().enumerate().map(|(k, class)| (i64::from(class.code), k)).collect(),
        }
    }
}

impl From<&Recoding> for ClassKeys {
    fn from(recoding: &Recoding) -> Self {
        Self {
            names: recoding.classes.iter().map(|class| clean(&class.name)).collect(),
            codes: recoding.codes().filter_map(|code| Some((code, recoding.place(code)?))).collect(),
        }
    }
}

impl ClassKeys {
    /// Names of classes, and their places by code.
    pub(crate) fn new(names: Vec<String>, codes: BTreeMap<i64, usize>) -> Self {
        Self { names, codes }
    }

    /// A class by its name; by its name in another letter case where it is the only one.
    fn by_name(&self, label: &str) -> Option<usize> {
        let only = |same: &dyn Fn(&String) -> bool| {
            let mut alike = (0..self.names.len()).filter(|k| same(&self.names[*k]));
            (alike.next(), alike.next())
        };
        match only(&|name| name == label) {
            (None, _) => match only(&|name| name.to_lowercase() == label.to_lowercase()) {
                (place, None) => place,
                _ => None,
            },
            (place, None) => place,
            // Legends of earlier versions may have names that differ only in spaces.
            _ => None,
        }
    }

    /// A class by its code: a whole number, however it is written.
    fn by_code(&self, label: &str) -> Option<usize> {
        self.codes.get(&whole_number(label)?).copied()
    }

    /// True where the name of a class is the code of another.
    pub fn is_ambiguous(&self) -> bool {
        self.names.iter().enumerate().any(|(k, name)| self.by_code(name).is_some_and(|other| other != k))
    }

    /// `class "forest" (code 3)`
    fn in_words(&self, place: Option<usize>) -> String {
        let Some(place) = place else { return "no class".to_owned() };
        let code =
            self.codes.iter().find(|(_, p)| **p == place).map_or(String::new(), |(code, _)| format!(" (code {code})"));
        format!("class \"{}\"{code}", self.names[place])
    }

    fn ambiguous(&self, labels: &BTreeSet<String>, names: &[Option<usize>], codes: &[Option<usize>]) -> LabelFault {
        let readings = labels.iter().zip(names.iter().zip(codes)).filter(|(_, (name, code))| name != code);
        let readings = readings.take(SHOWN).map(|(label, (name, code))| {
            format!("\"{label}\" as a name is {}, as a code {}", self.in_words(*name), self.in_words(*code))
        });
        LabelFault::Ambiguous { readings: readings.collect::<Vec<_>>().join("; ") }
    }

    fn neither(&self, labels: &BTreeSet<String>, names: &[Option<usize>], codes: &[Option<usize>]) -> LabelFault {
        let near = |label: &str| {
            let wanted = key(label);
            // A name that is read as a code is no slip.
            self.names.iter().find(|name| key(name) == wanted && *name != label).cloned()
        };
        let unknown: Vec<(String, Option<String>)> = labels
            .iter()
            .zip(names.iter().zip(codes))
            .filter(|(_, (name, code))| name.is_none() && code.is_none())
            .map(|(label, _)| (label.clone(), near(label)))
            .collect();
        if !unknown.is_empty() {
            return LabelFault::Unknown { labels: unknown };
        }
        let only = |these: &[Option<usize>], others: &[Option<usize>]| {
            let only = labels.iter().zip(these.iter().zip(others)).filter(|(_, (a, b))| a.is_some() && b.is_none());
            only.map(|(label, _)| label.clone()).collect()
        };
        LabelFault::Mixed { names: only(names, codes), codes: only(codes, names) }
    }
}

/// A name that was written in another letter case than its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respelling {
    pub label: String,
    pub class: String,
}

/// The labels of one column, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassLabels {
    by_code: bool,
    places: BTreeMap<String, usize>,
    pub respelled: Vec<Respelling>,
}

/// Labels that are listed in a message.
const SHOWN: usize = 10;

impl ClassLabels {
    /// Reads a column of labels; empty ones are left out. All are names of `classes`, or all are codes. Without `by`, the
    /// reading that fits all of them is taken: where both do and differ, or where the names of some classes are the codes of others
    /// and the labels are not all names, they are refused.
    ///
    /// # Errors
    /// [`LabelFault`].
    pub fn read<'a>(
        classes: &ClassKeys,
        labels: impl IntoIterator<Item = &'a str>,
        by: Option<ClassNaming>,
    ) -> Result<Self, LabelFault> {
        let labels: BTreeSet<String> = labels.into_iter().map(clean).filter(|label| !label.is_empty()).collect();
        let names: Vec<Option<usize>> = labels.iter().map(|label| classes.by_name(label)).collect();
        let codes: Vec<Option<usize>> = labels.iter().map(|label| classes.by_code(label)).collect();
        let all = |places: &[Option<usize>]| places.iter().all(Option::is_some);
        let (naming, places) = match by {
            Some(ClassNaming::Name) => (ClassNaming::Name, names),
            Some(ClassNaming::Code) => (ClassNaming::Code, codes),
            None if all(&names) && all(&codes) && names != codes => {
                return Err(classes.ambiguous(&labels, &names, &codes));
            }
            None if all(&names) => (ClassNaming::Name, names),
            None if all(&codes) && classes.is_ambiguous() => {
                return Err(classes.ambiguous(&labels, &names, &codes));
            }
            None if all(&codes) => (ClassNaming::Code, codes),
            None => return Err(classes.neither(&labels, &names, &codes)),
        };
        if !all(&places) {
            return Err(classes.neither(&labels, &places, &vec![None; places.len()]));
        }
        let respelled = labels.iter().zip(&places).filter_map(|(label, place)| {
            let class = classes.names[(*place)?].clone();
            (naming == ClassNaming::Name && class != *label).then(|| Respelling { label: label.clone(), class })
        });
        let respelled = respelled.collect();
        let places = labels.into_iter().zip(places).filter_map(|(label, place)| Some((label, place?))).collect();
        Ok(Self { by_code: naming == ClassNaming::Code, places, respelled })
    }

    /// The place of a label's class in the legend; `None` for a label that is empty or was not among those read.
    pub fn place(&self, label: &str) -> Option<usize> {
        self.places.get(&clean(label)).copied()
    }

    /// The codes among the labels; none where they are names.
    pub fn codes(&self) -> BTreeSet<i64> {
        let labels = self.places.keys().filter(|_| self.by_code);
        labels.filter_map(|label| whole_number(label)).collect()
    }

    /// Says what was read as what, once.
    pub fn warn(&self, whose: &str) {
        for Respelling { label, class } in &self.respelled {
            tracing::warn!("{whose}: the label \"{label}\" is read as the class \"{class}\"");
        }
        if self.by_code {
            tracing::info!("{whose}: labels are class codes");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(list: &[(u8, &str)]) -> ClassKeys {
        let class = |(code, name): &(u8, &str)| Class { code: *code, name: (*name).into(), colour: [0; 3] };
        ClassKeys::from(&list.iter().map(class).collect::<Vec<_>>()[..])
    }

    fn read(list: &[(u8, &str)], labels: &[&str]) -> Result<Vec<usize>, String> {
        let read = ClassLabels::read(&classes(list), labels.iter().copied(), None).map_err(|e| e.to_string())?;
        Ok(labels.iter().filter_map(|label| read.place(label)).collect())
    }

    const LAND: [(u8, &str); 3] = [(1, "Forest"), (2, "water"), (7, "oil palm")];

    #[test]
    fn labels_are_all_names_or_all_codes() {
        assert_eq!(read(&LAND, &["Forest", " oil\u{a0}palm", "", "water"]), Ok(vec![0, 2, 1]));
        assert_eq!(read(&LAND, &["1", "7.0", "", "2"]), Ok(vec![0, 2, 1]));
        let said = read(&LAND, &["Forest", "7"]).unwrap_err();
        assert!(said.contains("names (\"Forest\")") && said.contains("codes (\"7\")"), "{said}");
        let said = read(&LAND, &["Forest", "oil-palm", "sea", "3"]).unwrap_err();
        assert_eq!(said, "\"3\", \"oil-palm\" (did you mean \"oil palm\"?), \"sea\" are not classes");
    }

    #[test]
    fn a_name_that_is_read_as_a_code_is_not_suggested_for_itself() {
        let said = ClassLabels::read(&classes(&LAND), ["oil palm", "1"], Some(ClassNaming::Code)).unwrap_err();
        assert_eq!(said.to_string(), "\"oil palm\" is not a class");
    }

    #[test]
    fn another_letter_case_is_told_and_taken_where_one_class_has_it() {
        let read = ClassLabels::read(&classes(&LAND), ["forest", "WATER"], None).unwrap();
        assert_eq!((read.place("forest"), read.place("WATER"), read.respelled.len()), (Some(0), Some(1), 2));
        let two = [(1, "Forest"), (2, "forest")];
        assert_eq!(self::read(&two, &["Forest", "forest"]), Ok(vec![0, 1]));
        assert!(self::read(&two, &["FOREST"]).is_err());
        let same = [(1, "Forest"), (2, "Forest\u{a0}")];
        assert!(self::read(&same, &["Forest"]).is_err());
        assert_eq!(self::read(&same, &["2"]), Ok(vec![1]));
    }

    /// Classes named "1", "2", "4", "5", "6" with the codes 0 to 4: an interpreter's "3" was class "5".
    #[test]
    fn fault_11_names_that_are_codes_of_other_classes_are_not_guessed() {
        let legend = [(0, "1"), (1, "2"), (2, "4"), (3, "5"), (4, "6")];
        let said = read(&legend, &["1", "2", "3", "4"]).unwrap_err();
        assert!(said.contains("\"3\" as a name is no class, as a code class \"5\" (code 3)"), "{said}");
        assert!(said.contains("\"1\" as a name is class \"1\" (code 0), as a code class \"2\" (code 1)"), "{said}");
        assert_eq!(
            read(&legend, &["1", "2", "3", "5", "6"]).unwrap_err(),
            "some labels are names (\"5\", \"6\") and others are codes (\"3\"); a column holds either names or codes"
        );
        // Only as names they are all classes.
        assert_eq!(read(&legend, &["1", "5", "6"]), Ok(vec![0, 3, 4]));
        let by = |naming| ClassLabels::read(&classes(&legend), ["1", "2"], Some(naming)).unwrap();
        assert_eq!((by(ClassNaming::Name).place("2"), by(ClassNaming::Code).place("2")), (Some(1), Some(2)));
        let strict = ClassLabels::read(&classes(&legend), ["3"], Some(ClassNaming::Name)).unwrap_err();
        assert_eq!(strict.to_string(), "\"3\" is not a class");
        // Names that are their own codes are clear.
        assert_eq!(read(&[(1, "1"), (4, "4")], &["4", "1"]), Ok(vec![1, 0]));
    }
}
