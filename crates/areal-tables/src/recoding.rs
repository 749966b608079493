//! From the codes in a raster to classes: by a legend with parents, and by rules such as `311,312,313=forest`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::whole_number;
use crate::parents::parents;
use crate::{LegendError, LegendRow, clean};

/// Codes that count as one class: `311,312,313=forest`, `111-142=built-up` or `*=other` for all that neither another rule nor
/// the legend names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeRule {
    /// First and last of each range; empty for all other codes.
    ranges: Vec<(i64, i64)>,
    class: String,
}

/// Most codes that one rule may list.
const MOST_CODES: i64 = 100_000;

impl CodeRule {
    /// Its codes as ranges; `None` for the rule for all other codes.
    pub(crate) fn ranges(&self) -> Option<impl Iterator<Item = RangeInclusive<i64>>> {
        (!self.ranges.is_empty()).then(|| self.ranges.iter().map(|(first, last)| *first..=*last))
    }
}

impl FromStr for CodeRule {
    type Err = LegendError;

    fn from_str(text: &str) -> Result<Self, LegendError> {
        let fault = |reason: &str| LegendError::Rule { text: text.to_owned(), reason: reason.to_owned() };
        let (codes, class) = text.split_once('=').ok_or_else(|| fault("it has no \"=\""))?;
        let class = clean(class);
        if class.is_empty() {
            return Err(fault("it names no class"));
        }
        if codes.trim() == "*" {
            return Ok(Self { ranges: Vec::new(), class });
        }
        let range = |part: &str| {
            let part = part.trim();
            // A minus sign may stand before either number.
            let dash = part.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(at, _)| at);
            let (first, last) = dash.map_or((part, part), |at| (&part[..at], &part[at + 1..]));
            let number = |text: &str| whole_number(text.trim());
            let ends = number(first).zip(number(last));
            ends.filter(|(a, b)| a <= b && b.checked_sub(*a).is_some_and(|n| n < MOST_CODES))
                .ok_or_else(|| fault(&format!("\"{part}\" is neither a code nor a range such as 111-142")))
        };
        Ok(Self { ranges: codes.split(',').map(range).collect::<Result<_, _>>()?, class })
    }
}

impl TryFrom<String> for CodeRule {
    type Error = LegendError;

    fn try_from(text: String) -> Result<Self, LegendError> {
        text.parse()
    }
}

impl From<CodeRule> for String {
    fn from(rule: CodeRule) -> Self {
        let range = |(a, b): &(i64, i64)| if a == b { a.to_string() } else { format!("{a}-{b}") };
        let codes = rule.ranges.iter().map(range).collect::<Vec<_>>().join(",");
        format!("{}={}", if codes.is_empty() { "*" } else { &codes }, rule.class)
    }
}

/// A class with the code that its legend gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecodedClass {
    pub code: Option<i64>,
    pub name: String,
    pub colour: Option<[u8; 3]>,
}

/// Which class each code counts as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recoding {
    /// In the order of the legend, then of the rules.
    pub classes: Vec<RecodedClass>,
    /// True where a legend lists classes, false for rules alone.
    pub listed: bool,
    /// As they were given.
    pub rules: Vec<CodeRule>,
    places: BTreeMap<i64, usize>,
    /// The class of all other codes.
    rest: Option<usize>,
}

impl Recoding {
    /// The classes of a legend, and of the rules: a row with a parent counts as its parent, all others as themselves; a rule wins
    /// over a row. Classes that no code is left for are dropped, unless the legend gives no codes.
    ///
    /// # Errors
    /// [`LegendError`]: a code or name twice, a parent that has a parent, parents that may be names or codes.
    pub fn new(rows: &[LegendRow], rules: &[CodeRule]) -> Result<Self, LegendError> {
        let fault = |reason: String| Err(LegendError::Contradiction(reason));
        let mut made = Self { listed: !rows.is_empty(), rules: rules.to_vec(), ..Self::default() };
        let mut codes = BTreeSet::new();
        for row in rows {
            if row.name.is_empty() {
                return fault(format!(
                    "has a row without a name (code {})",
                    row.code.map_or("none".into(), |c| c.to_string())
                ));
            }
            if row.name.contains('\0') {
                return fault(format!("has a name with a NUL character: {:?}", row.name));
            }
            if let Some(code) = row.code
                && !codes.insert(code)
            {
                return fault(format!("has code {code} twice"));
            }
            if row.parent.is_none() {
                if let Some(first) = made.find(&row.name) {
                    let codes = made.classes[first].code.zip(row.code);
                    return Err(LegendError::NameTwice { name: row.name.clone(), codes });
                }
                made.classes.push(RecodedClass { code: row.code, name: row.name.clone(), colour: row.colour });
            }
        }
        let parents = parents(rows)?;
        for (row, parent) in rows.iter().zip(&parents) {
            let Some(code) = row.code else { continue };
            let place = made.place_of(parent.as_ref().unwrap_or(&row.name));
            made.places.insert(code, place);
        }
        made.apply(rules)?;
        Ok(made)
    }

    /// As [`Recoding::new`], for the codes in a raster.
    ///
    /// # Errors
    /// Also when no code counts as a class.
    pub fn of_raster(rows: &[LegendRow], rules: &[CodeRule]) -> Result<Self, LegendError> {
        let made = Self::new(rows, rules)?;
        let has_code = |place: usize| made.rest == Some(place) || made.places.values().any(|p| *p == place);
        match (0..made.classes.len()).find(|place| !has_code(*place)) {
            Some(place) => Err(LegendError::NoCode { name: made.classes[place].name.clone() }),
            None => Ok(made),
        }
    }

    fn apply(&mut self, rules: &[CodeRule]) -> Result<(), LegendError> {
        let mut given: BTreeMap<i64, &str> = BTreeMap::new();
        for rule in rules {
            let place = self.place_of(&rule.class);
            if rule.ranges.is_empty()
                && let Some(other) = self.rest.replace(place).filter(|other| *other != place)
            {
                let (other, class) = (&self.classes[other].name, &rule.class);
                let reason = format!("maps all other codes (*) to \"{other}\" and to \"{class}\"");
                return Err(LegendError::Contradiction(reason));
            }
            for code in rule.ranges.iter().flat_map(|(a, b)| *a..=*b) {
                if let Some(other) = given.insert(code, &rule.class).filter(|other| *other != rule.class) {
                    let reason = format!("maps code {code} to \"{other}\" and to \"{}\"", rule.class);
                    return Err(LegendError::Contradiction(reason));
                }
                self.places.insert(code, place);
            }
        }
        if !rules.is_empty() {
            let used: BTreeSet<usize> = self.places.values().copied().chain(self.rest).collect();
            let kept: Vec<usize> = (0..self.classes.len()).filter(|k| used.contains(k)).collect();
            let moved = |place: usize| kept.iter().position(|k| *k == place).expect("every place with a code is kept");
            self.places.values_mut().for_each(|place| *place = moved(*place));
            self.rest = self.rest.map(moved);
            self.classes = kept.iter().map(|k| self.classes[*k].clone()).collect();
        }
        Ok(())
    }

    /// The same for a raster that names codes itself: a code that it names as a class of the rules counts as that class, unless a rule says
    /// otherwise. Also returns these codes.
    ///
    /// # Errors
    /// As [`Recoding::new`]; none for rules that were taken.
    pub fn joined_to<'a>(&self, named: impl Iterator<Item = (i64, &'a str)>) -> Result<(Self, Vec<i64>), LegendError> {
        let joins =
            |(code, name): &(i64, &str)| !self.listed && self.place(*code).is_none() && self.find(name).is_some();
        let joined: Vec<(i64, &str)> = named.filter(joins).collect();
        let more =
            joined.iter().map(|(code, name)| CodeRule { ranges: vec![(*code, *code)], class: (*name).to_owned() });
        let all: Vec<CodeRule> = self.rules.iter().cloned().chain(more).collect();
        if joined.is_empty() {
            return Ok((self.clone(), Vec::new()));
        }
        // The rules stay those that were given: the others are no one's slip where they apply to nothing.
        let made = Self { rules: self.rules.clone(), ..Self::new(&[], &all)? };
        Ok((made, joined.into_iter().map(|(code, _)| code).collect()))
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|class| class.name == name)
    }

    fn place_of(&mut self, name: &str) -> usize {
        self.find(name).unwrap_or_else(|| {
            self.classes.push(RecodedClass { code: None, name: name.to_owned(), colour: None });
            self.classes.len() - 1
        })
    }

    /// True when nothing is recoded or named.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The place of the class of a code; `None` for a code that is not in the legend.
    pub fn place(&self, code: i64) -> Option<usize> {
        self.places.get(&code).copied().or(self.rest)
    }

    /// The code of a class in a table: its own, or the least that counts as it; for all other codes the one after the
    /// greatest that is named, which is one of them.
    pub fn code(&self, place: usize) -> i64 {
        let own =
            self.classes.get(place).and_then(|class| class.code).filter(|code| self.places.get(code) == Some(&place));
        let least = || self.places.iter().find(|(_, p)| **p == place).map(|(code, _)| *code);
        let next = || match self.places.keys().next_back() {
            None => 0,
            // Below the greatest number there is a code that is not named.
            Some(last) => last.checked_add(1).unwrap_or_else(|| {
                (0..i64::MAX)
                    .find(|code| !self.places.contains_key(code))
                    .expect("a map in memory cannot name 2^63 codes")
            }),
        };
        own.or_else(least).unwrap_or_else(next)
    }

    /// True where some code counts as another one.
    pub fn merges(&self) -> bool {
        self.rest.is_some() || self.places.iter().any(|(code, place)| self.code(*place) != *code)
    }

    /// True for a code that is named; one that counts as what all other codes count as is not.
    pub fn names(&self, code: i64) -> bool {
        self.places.contains_key(&code)
    }

    /// All codes that are named, in ascending order.
    pub fn codes(&self) -> impl Iterator<Item = i64> {
        self.places.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(list: &[&str]) -> Vec<CodeRule> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn row(code: i64, name: &str, parent: &str) -> LegendRow {
        let parent = (!parent.is_empty()).then(|| parent.to_owned());
        LegendRow { code: Some(code), name: name.into(), colour: None, parent }
    }

    fn names(recoding: &Recoding, codes: &[i64]) -> Vec<String> {
        let name = |code: &i64| recoding.place(*code).map_or("-".into(), |k| recoding.classes[k].name.clone());
        codes.iter().map(name).collect()
    }

    #[test]
    fn rules_name_codes_ranges_and_the_rest() {
        let all = rules(&["311,312,313=forest", "111-142 = built up", "-9=sea", "*=other"]);
        let recoding = Recoding::new(&[], &all).unwrap();
        assert_eq!(names(&recoding, &[312, 111, 142, -9, 999]), ["forest", "built up", "built up", "sea", "other"]);
        assert_eq!((recoding.code(0), recoding.code(3), recoding.merges()), (311, 314, true));
        let texts: Vec<String> = all.into_iter().map(Into::into).collect();
        assert_eq!(texts, ["311,312,313=forest", "111-142=built up", "-9=sea", "*=other"]);
        for bad in ["311", "=x", "1=", "a=x", "5-1=x", "1-99999999=x"] {
            assert!(bad.parse::<CodeRule>().is_err(), "{bad}");
        }
        let said = Recoding::new(&[], &rules(&["1,2=a", "2=b"])).unwrap_err().to_string();
        assert_eq!(said, "the class list maps code 2 to \"a\" and to \"b\"");
    }

    #[test]
    fn a_row_with_a_parent_counts_as_its_parent_and_a_rule_wins() {
        let rows = [
            row(3, "forest", ""),
            row(311, "broad-leaved", "forest"),
            row(312, "coniferous", "forest"),
            row(5, "water", ""),
        ];
        let recoding = Recoding::new(&rows, &[]).unwrap();
        assert_eq!(names(&recoding, &[3, 311, 312, 5, 6]), ["forest", "forest", "forest", "water", "-"]);
        let recoding = Recoding::new(&rows, &rules(&["5,312=wet"])).unwrap();
        assert_eq!(names(&recoding, &[311, 312, 5]), ["forest", "wet", "wet"]);
        assert_eq!(recoding.classes.len(), 2);
        // A parent of no row is a class of its own.
        let recoding = Recoding::new(&[row(311, "broad-leaved", "forest")], &[]).unwrap();
        assert_eq!(names(&recoding, &[311]), ["forest"]);
        let by_code = [row(3, "forest", ""), row(311, "broad-leaved", "3")];
        assert_eq!(names(&Recoding::new(&by_code, &[]).unwrap(), &[311]), ["forest"]);
        let chain = [row(1, "a", "b"), row(2, "b", "c"), row(3, "c", "")];
        assert!(Recoding::new(&chain, &[]).unwrap_err().to_string().contains("a parent itself"));
        assert!(
            Recoding::new(&[row(1, "a", ""), row(1, "b", "")], &[]).unwrap_err().to_string().contains("code 1 twice")
        );
    }

    fn refused(rows: &[LegendRow], list: &[&str]) -> String {
        Recoding::of_raster(rows, &rules(list)).unwrap_err().to_string()
    }

    #[test]
    fn rules_for_all_other_codes_do_not_contradict_each_other() {
        assert_eq!(refused(&[], &["*=a", "*=b"]), "the class list maps all other codes (*) to \"a\" and to \"b\"");
        assert!(Recoding::new(&[], &rules(&["*=a", "*=a"])).is_ok());
        let last = format!("{}=a", i64::MAX);
        let recoding = Recoding::new(&[], &rules(&[&last, "0=b", "*=c"])).unwrap();
        assert_eq!(recoding.code(2), 1);
    }

    #[test]
    fn a_class_of_a_raster_has_a_code() {
        let no_code = |name: &str, parent: Option<&str>| LegendRow {
            code: None,
            name: name.into(),
            colour: None,
            parent: parent.map(Into::into),
        };
        assert!(refused(&[row(1, "forest", ""), no_code("water", None)], &[]).contains("\"water\" has no code"));
        assert!(refused(&[row(1, "forest", ""), no_code("beech", Some("forest"))], &[]).contains("\"beech\""));
        // Its parts or a rule give it one.
        assert!(Recoding::of_raster(&[row(311, "beech", "forest"), no_code("forest", None)], &[]).is_ok());
        assert!(
            Recoding::of_raster(&[row(1, "forest", ""), no_code("water", None)], &rules(&["1=forest", "2=water"]))
                .is_ok()
        );
    }

    #[test]
    fn parents_are_all_names_or_all_codes() {
        let two_ways = [row(1, "2", ""), row(2, "tree", ""), row(3, "beech", "2")];
        assert!(refused(&two_ways, &[]).contains("can be read in two ways"));
        let mixed = [row(3, "forest", ""), row(311, "beech", "forest"), row(312, "fir", "3")];
        assert!(refused(&mixed, &[]).contains("some labels are names (\"forest\") and others are codes (\"3\")"));
        assert!(refused(&[row(311, "beech", "4")], &[]).contains("\"4\" is not a class"));
    }

    #[test]
    fn a_name_of_two_codes_is_told_with_them() {
        let said = refused(&[row(111, "urban", ""), row(112, "urban", "")], &[]);
        assert_eq!(said, "the class list has the class \"urban\" twice (codes 111 and 112)");
    }
}
