//! Names of earlier releases: flags, recipe keys and values that were renamed or removed keep working for one release, with a
//! warning.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A flag of a command, or the key of a recipe's section, that has another name now. Without the dashes of the flag.
struct Renaming {
    section: &'static str,
    old: &'static str,
    new: &'static str,
    /// Table of the recipe's section that has the key now; empty for the section itself.
    table: &'static str,
}

const RENAMINGS: [Renaming; 4] = [
    Renaming { section: "aggregate", old: "band", new: "bands", table: "scene" },
    Renaming { section: "sample", old: "least", new: "min-per-stratum", table: "" },
    Renaming { section: "estimate", old: "least-units", new: "min-units", table: "" },
    Renaming { section: "estimate", old: "greatest-cv", new: "max-cv", table: "" },
];

/// A value of a list, given as a flag or under the key of a recipe's section, that never had an effect.
struct Removal {
    section: &'static str,
    list: &'static str,
    value: &'static str,
}

/// Too few units for a variance were never accepted: there is no estimate to warn about.
const REMOVALS: [Removal; 1] = [Removal { section: "estimate", list: "accept", value: "few-units" }];

/// Use of an old name.
#[derive(Debug, PartialEq, Eq)]
pub enum OldName {
    Renamed { old: String, new: String },
    NoEffect { old: String },
}

impl fmt::Display for OldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { old, new } => {
                write!(f, "{old} is deprecated and will be removed in the next release; use {new}")
            }
            Self::NoEffect { old } => {
                write!(f, "{old} has no effect and will be an error in the next release; remove it")
            }
        }
    }
}

/// The arguments with the present names of flags, and which old ones were used. The first argument is the program.
pub fn rename_flags(args: impl IntoIterator<Item = OsString>) -> (Vec<OsString>, Vec<OldName>) {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let is_command = |a: &OsString| !a.to_string_lossy().starts_with('-');
    let Some(place) = args.iter().skip(1).position(is_command).map(|k| k + 1) else { return (args, Vec::new()) };
    let command = args[place].clone();
    let mut used = remove_values(&command, &mut args, place + 1);
    for arg in args.iter_mut().skip(place + 1).take_while(|a| *a != "--") {
        let renamed = arg.to_str().and_then(|text| renamed_flag(&command, text));
        if let Some((text, name)) = renamed {
            *arg = text.into();
            used.push(name);
        }
    }
    (args, used)
}

/// A flag with its present name, `--old` as `--new` and `--old=1` as `--new=1`; `None` where it has no other name.
fn renamed_flag(command: &OsStr, text: &str) -> Option<(String, OldName)> {
    let flag = text.strip_prefix("--")?;
    let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
    let renaming = RENAMINGS.iter().find(|r| r.section == command && r.old == name)?;
    let new = format!("--{}", renaming.new);
    let text = value.map_or_else(|| new.clone(), |value| format!("{new}={value}"));
    Some((text, OldName::Renamed { old: format!("--{name}"), new }))
}

/// Takes removed values out of the lists `--list a,b` and `--list=a,b`; a list that becomes empty goes with its flag.
fn remove_values(command: &OsStr, args: &mut Vec<OsString>, start: usize) -> Vec<OldName> {
    let mut used = Vec::new();
    for removal in REMOVALS.iter().filter(|r| r.section == command) {
        let flag = format!("--{}", removal.list);
        let mut k = start;
        while k < args.len() && args[k] != "--" {
            let text = args[k].to_str().unwrap_or_default();
            let inline = text.strip_prefix(&flag).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned);
            let next = args.get(k + 1).filter(|_| text == flag).and_then(|a| a.to_str()).map(str::to_owned);
            let (prefix, last) = if inline.is_some() { (format!("{flag}="), k) } else { (String::new(), k + 1) };
            let list = inline.or(next).unwrap_or_default();
            let kept: Vec<&str> = list.split(',').filter(|value| *value != removal.value).collect();
            if kept.len() == list.split(',').count() {
                k += 1;
                continue;
            }
            used.push(OldName::NoEffect { old: format!("{flag} {}", removal.value) });
            if kept.is_empty() {
                args.drain(k..=last);
            } else {
                args[last] = format!("{prefix}{}", kept.join(",")).into();
                k = last + 1;
            }
        }
    }
    used
}

/// A recipe with an old key beside its present one.
#[derive(Debug, PartialEq, Eq)]
pub struct BothNames {
    pub section: &'static str,
    pub old: &'static str,
    /// The present key, or the table of the section that has it.
    pub new: &'static str,
    /// Where the old key stands in the text.
    pub place: Range<usize>,
}

/// The text of a recipe, or of what is laid over it, with the present names of keys and without values that have no effect, and
/// which old ones were used. Lines stay where they are. Text that is not TOML is left as it is.
pub fn rename_keys(text: &str) -> Result<(String, Vec<OldName>), BothNames> {
    let Ok(recipe) = DeTable::parse(text) else { return Ok((text.to_owned(), Vec::new())) };
    let mut used = Vec::new();
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for &Renaming { section, old, new, table } in &RENAMINGS {
        let Some(DeValue::Table(keys)) = recipe.get_ref().get(section).map(Spanned::get_ref) else { continue };
        let Some((key, _)) = keys.get_key_value(old) else { continue };
        let beside = if table.is_empty() { new } else { table };
        if keys.contains_key(beside) {
            return Err(BothNames { section, old, new: beside, place: key.span() });
        }
        let new = if table.is_empty() { new.to_owned() } else { format!("{table}.{new}") };
        used.push(OldName::Renamed { old: format!("{section}.{old}"), new: format!("{section}.{new}") });
        edits.push((key.span(), new));
    }
    for &Removal { section, list, value } in &REMOVALS {
        let Some(DeValue::Table(keys)) = recipe.get_ref().get(section).map(Spanned::get_ref) else { continue };
        let Some((place, DeValue::Array(items))) = keys.get(list).map(|v| (v.span(), v.get_ref())) else { continue };
        let kept: Vec<&str> =
            items.iter().filter(|i| i.get_ref().as_str() != Some(value)).map(|i| &text[i.span()]).collect();
        if kept.len() < items.len() {
            used.push(OldName::NoEffect { old: format!("{section}.{list} \"{value}\"") });
            edits.push((place, format!("[{}]", kept.join(", "))));
        }
    }
    edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut text = text.to_owned();
    for (place, new) in edits {
        text.replace_range(place, &new);
    }
    Ok((text, used))
}

/// Warns of the old names that were used.
pub fn warn(used: &[OldName]) {
    for name in used {
        tracing::warn!("{name}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_flags_become_new_ones_for_their_command_only() {
        let rename = |args: &[&str]| {
            let (args, used) = rename_flags(args.iter().map(OsString::from));
            let args: Vec<String> = args.into_iter().map(|a| a.into_string().unwrap()).collect();
            (args.join(" "), used.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let (args, used) = rename(&["areal", "-q", "estimate", "--least-units", "5", "--greatest-cv=0.2"]);
        assert_eq!(args, "areal -q estimate --min-units 5 --max-cv=0.2");
        assert!(used[0].starts_with("--least-units is deprecated") && used[0].ends_with("use --min-units"), "{used:?}");
        assert_eq!(used.len(), 2);
        for (given, left) in [
            (&["--accept", "few-units", "--finite", "true"][..], "--finite true"),
            (&["--accept=no-design,few-units"], "--accept=no-design"),
            (&["--accept", "few-units,disclosed", "--accept", "few-units"], "--accept disclosed"),
        ] {
            let (args, used) = rename(&[&["areal", "estimate"], given].concat());
            assert_eq!(args, format!("areal estimate {left}"));
            assert!(used[0].starts_with("--accept few-units has no effect"), "{used:?}");
        }
        for unchanged in [
            &["areal", "estimate", "--accept"][..],
            &["areal", "tile", "--least-units", "5"],
            &["areal", "estimate", "--", "--least-units"],
            &["areal", "--version"],
        ] {
            assert_eq!(rename(unchanged), (unchanged.join(" "), Vec::new()));
        }
    }

    #[test]
    fn old_keys_become_new_ones_where_they_stand() {
        let text =
            "[sample]\nleast = 5 # units\n[estimate]\naccept = [\"few-units\", 'disclosed'] # why\n\"max-cv\" = 1";
        let (found, used) = rename_keys(text).unwrap();
        let expected =
            "[sample]\nmin-per-stratum = 5 # units\n[estimate]\naccept = ['disclosed'] # why\n\"max-cv\" = 1";
        assert_eq!(found, expected);
        assert!(used[0].to_string().contains("sample.least is deprecated"), "{used:?}");
        assert!(used[1].to_string().starts_with("estimate.accept \"few-units\" has no effect"), "{used:?}");
        assert_eq!(rename_keys("aggregate.band = [\"1\"]").unwrap().0, "aggregate.scene.bands = [\"1\"]");
        assert_eq!(rename_keys("[sample\nleast").unwrap(), ("[sample\nleast".to_owned(), Vec::new()));
    }

    #[test]
    fn an_old_key_beside_its_present_one_is_a_fault() {
        let both = rename_keys("[sample]\nleast = 5\nmin-per-stratum = 6\n").unwrap_err();
        assert_eq!(both, BothNames { section: "sample", old: "least", new: "min-per-stratum", place: 9..14 });
        let both = rename_keys("[aggregate]\nband = [1]\n[aggregate.scene]\nnodata = 0\n").unwrap_err();
        assert_eq!((both.old, both.new), ("band", "scene"));
    }
}
