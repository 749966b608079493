//! Names as people write them: what counts as the same, and what is near enough to be a slip.

use std::collections::BTreeMap;

use icu_normalizer::ComposingNormalizerBorrowed;

/// A name without the spaces around it and with one plain space for every run of spaces inside. No-break and other wide or
/// narrow spaces are spaces; characters without a width are left out; letters with accents are composed (NFC). Letter case stays.
pub fn clean(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    let visible = ComposingNormalizerBorrowed::new_nfc().normalize(&visible);
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Zero-width space and joiners, word joiner, byte order mark, soft hyphen.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

/// A whole number however it is written: `311`, or `311.0` as spreadsheets do.
pub(crate) fn whole_number(text: &str) -> Option<i64> {
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() < 2f64.powi(53);
    text.parse().ok().or_else(|| text.parse().ok().filter(whole).map(|number: f64| number as i64))
}

/// What two names share that differ only in case, spaces and punctuation; empty for a name of punctuation alone.
pub(crate) fn key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether two names differ only in case, spaces and punctuation.
pub fn are_nearly_identical(a: &str, b: &str) -> bool {
    a == b || (!key(a).is_empty() && key(a) == key(b))
}

/// Whether lists of names are the same but for case, spaces and punctuation of each. Names that only these tell apart within a
/// list, such as `t+1` and `t-1`, are compared exactly.
pub fn are_same_names(a: &[String], b: &[String]) -> bool {
    let is_alone = |name: &String, list: &[String]| list.iter().filter(|n| are_nearly_identical(n, name)).count() == 1;
    let are_same =
        |(x, y): (&String, &String)| x == y || (are_nearly_identical(x, y) && is_alone(x, a) && is_alone(y, b));
    a.len() == b.len() && a.iter().zip(b).all(are_same)
}

/// Whether names of bands may be other names of the same bands: as many, and none is the name of another band.
pub fn may_be_renamed(bands: &[String], names: &[String]) -> bool {
    let is_swapped = |(k, name): (usize, &String)| {
        let is_like =
            |test: fn(&str, &str) -> bool| !test(&bands[k], name) && bands.iter().any(|band| test(band, name));
        is_like(|a, b| a == b) || is_like(are_nearly_identical)
    };
    bands.len() == names.len() && !names.iter().enumerate().any(is_swapped)
}

/// Groups of names that differ only in case, spaces and punctuation: `Forest` and `forest`, `oil palm` and `oil-palm`.
fn near_identical<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        let group = groups.entry(key(name)).or_default();
        if !group.contains(&name) {
            group.push(name);
        }
    }
    groups.into_iter().filter(|(key, group)| !key.is_empty() && group.len() > 1).map(|(_, group)| group).collect()
}

/// Warns of class names that are nearly the same; `whose` says where they are from.
pub fn warn_of_near_identical<'a>(whose: &str, names: impl IntoIterator<Item = &'a str>) {
    for group in near_identical(names) {
        let group: Vec<String> = group.iter().map(|name| format!("\"{name}\"")).collect();
        tracing::warn!("{whose}: the classes {} are nearly identical and are kept apart", group.join(" and "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_of_every_kind_are_one_and_case_stays() {
        for text in ["oil palm", " oil  palm ", "oil\u{a0}palm", "\u{feff}oil palm\u{a0}", "oil\u{202f}palm\u{200b}"] {
            assert_eq!(clean(text), "oil palm", "{text:?}");
        }
        assert_eq!(clean("\u{a0}\t"), "");
        assert_eq!(clean("Forest"), "Forest");
        // As macOS writes names of folders.
        assert_eq!(clean("for\u{65}\u{301}t"), "for\u{e9}t");
    }

    #[test]
    fn bands_are_not_taken_for_others_by_names_that_only_punctuation_tells_apart() {
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (same, renamed) = (|a, b| are_same_names(&list(a), &list(b)), |a, b| may_be_renamed(&list(a), &list(b)));
        assert!(same("Band_8 B4", "band-8 b4"));
        assert!(same("t+1 t-1 t0", "t+1 t-1 t0"));
        assert!(!same("t+1 t-1 t0", "t-1 t+1 t0") && !renamed("t+1 t-1 t0", "t-1 t+1 t0"));
        assert!(!same("B1.0 B10", "B10 B1.0"));
        // Bands without names say by their numbers which they are, where both lists have such.
        assert!(!renamed("band_3 band_2 band_1", "band_1 band_2 band_3"));
        assert!(renamed("red green blue", "band_1 band_2 band_3"));
        assert!(!renamed("red green", "band_1 band_2 band_3"));
    }

    #[test]
    fn names_that_differ_in_case_or_punctuation_only_are_near() {
        let found = near_identical(["Forest", "forest", "water", "oil-palm", "oil palm", "Wald 1", "Wald 2", "-", "+"]);
        assert_eq!(found, [vec!["Forest", "forest"], vec!["oil-palm", "oil palm"]]);
    }
}
