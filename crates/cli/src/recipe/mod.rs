//! A recipe: every stage of a job in one commented file.

mod ledger;
mod planned;
mod run;
mod stages;
mod text;

pub use planned::{Planned, Training, no_class};
pub use run::{RecipeRun, RunSettings, enter_folder};
pub use stages::stage_sections;
pub use text::{TEMPLATE, leave_out, set};

use std::ops::Range;
use std::path::Path;

use areal_job::plain_words;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table};

use crate::deprecated::{self, BothNames, OldName};
use crate::errors::{CliError, Exit};
use stages::Schema;

/// The `format` of recipes that this program reads.
pub const FORMAT: &str = "areal-recipe/1";

/// A checked recipe, with the overrides from the command line applied.
#[derive(Debug)]
pub struct Recipe {
    /// All of it, as a table.
    pub table: Table,
}

impl Recipe {
    /// Reads and checks a recipe; `overrides` are `KEY=VALUE` with dotted keys, laid over it.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            CliError::new(Exit::Input, format!("cannot read {}: {e}", path.display()))
                .help("check the path; 'areal init' writes a recipe to start from")
        })?;
        Self::parse(&text, &path.display().to_string(), overrides)
    }

    fn parse(text: &str, name: &str, overrides: &[String]) -> Result<Self, CliError> {
        let (renamed, mut old_names) = present_names(text, name)?;
        check(&renamed, name)?;
        let mut table: Table = toml::from_str(&renamed).map_err(|e| fault(&e, &renamed, name))?;
        for item in overrides {
            let name = format!("--set {item}");
            let (above, old) = present_names(&parse_override(item)?, &name)?;
            old_names.extend(old);
            let above = toml::from_str(&above).map_err(|e| fault(&e, &above, &name))?;
            table = crate::layers::overlay(table, above);
            let merged = toml::to_string(&table)
                .map_err(|e| CliError::new(Exit::Usage, format!("{name} makes the recipe invalid: {e}")))?;
            check(&merged, &name)?;
        }
        deprecated::warn(&old_names);
        Ok(Self { table })
    }
}

/// The text with the present names of keys, and which old ones were used.
fn present_names(text: &str, name: &str) -> Result<(String, Vec<OldName>), CliError> {
    deprecated::rename_keys(text).map_err(|BothNames { section, old, new, place: span }| {
        let (place, shown) = place(text, name, Some(span));
        let message = format!("{place}: [{section}] has {old}, an old name, beside {new}{shown}");
        CliError::new(Exit::Usage, message).help("give the present key only")
    })
}

fn check(text: &str, name: &str) -> Result<(), CliError> {
    let schema: Schema = toml::from_str(text).map_err(|e| fault(&e, text, name))?;
    let at = |section: &str, word: &str| place(text, name, span_of(text, section, word));
    if schema.format != FORMAT {
        let (place, shown) = at("format", &schema.format);
        let message = format!("{place}: format \"{}\", expected \"{FORMAT}\"{shown}", schema.format);
        return Err(CliError::new(Exit::Usage, message).help(format!("write: format = \"{FORMAT}\"")));
    }
    // A scene's name becomes a folder's.
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(scene) = schema.scenes.keys().find(|n| n.is_empty() || n.starts_with('.') || !n.chars().all(plain)) {
        let (place, shown) = at("scenes", scene);
        return Err(CliError::new(Exit::Usage, format!("{place}: [scenes] has the name \"{scene}\"{shown}")).help(
            "use letters, digits, '-', '_' and '.', and do not begin with '.': results go to folders of that name",
        ));
    }
    let unknown = |key: &str, names: &[String]| {
        names.iter().find(|n| !schema.scenes.contains_key(*n)).map(|n| {
            let (place, shown) = at(key, n);
            let message = format!("{place}: {key} names the scene \"{n}\", which [scenes] does not have{shown}");
            CliError::new(Exit::Usage, message).help("add it to [scenes], or correct the name")
        })
    };
    let fault = unknown("tile-scenes", &schema.tile_scenes).or(unknown("predict-scenes", &schema.predict_scenes));
    fault.map_or(Ok(()), Err)
}

/// `KEY=VALUE` as TOML with one key. A value that is not TOML is taken as text.
fn parse_override(item: &str) -> Result<String, CliError> {
    let fault = || {
        CliError::new(Exit::Usage, format!("--set {item}: not of the form KEY=VALUE"))
            .help("for example: --set train.epochs=5")
    };
    let (key, value) = item.split_once('=').ok_or_else(fault)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if key.is_empty() || !key.chars().all(plain) {
        return Err(fault());
    }
    let quoted = toml::Value::String(value.to_owned());
    [format!("{key} = {value}"), format!("{key} = {quoted}")]
        .into_iter()
        .find(|text| toml::from_str::<Table>(text).is_ok_and(|table| table.len() == 1))
        .ok_or_else(fault)
}

/// Where a word stands in the recipe's entry `section`: as a key of the table, an item of the list, or the value.
fn span_of(text: &str, section: &str, word: &str) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?.into_inner();
    let (_, value) = table.iter().find(|(key, _)| key.get_ref() == section)?;
    match value.get_ref() {
        DeValue::Table(table) => table.keys().find(|key| key.get_ref() == word).map(Spanned::span),
        DeValue::Array(items) => items.iter().find(|item| item.get_ref().as_str() == Some(word)).map(Spanned::span),
        _ => Some(value.span()),
    }
}

/// The file with line and column, and the line itself; the file alone where the place is not known.
fn place(text: &str, name: &str, span: Option<Range<usize>>) -> (String, String) {
    // A value set on the command line has no line in the file.
    let Some(span) = span.filter(|_| !name.starts_with("--set ")) else { return (name.to_owned(), String::new()) };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let shown = text.lines().nth(line - 1).unwrap_or("");
    (format!("{name}, line {line}, column {column}"), format!("\n    {shown}"))
}

fn fault(error: &toml::de::Error, text: &str, name: &str) -> CliError {
    let (place, shown) = place(text, name, error.span());
    CliError::new(Exit::Usage, format!("{place}: {}{shown}", plain_words(error.message())))
        .help("correct the recipe; each key is a flag of the stage's command without the dashes (areal <stage> --help)")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "format = \"areal-recipe/1\"\n[scenes]\na = [\"a.tif\"]\n";

    /// Former keys were once checked before they were renamed, so that a recipe of the last release was refused.
    #[test]
    fn former_keys_and_values_are_read_in_a_file_and_in_set() {
        let lines = [
            ("[aggregate]\nband = [\"1\"]", "aggregate.band=[\"1\"]"),
            ("[sample]\nleast = 5", "sample.least=5"),
            ("[estimate]\nleast-units = 5", "estimate.least-units=5"),
            ("[estimate]\ngreatest-cv = 0.2", "estimate.greatest-cv=0.2"),
            ("[estimate]\naccept = [\"few-units\"]", "estimate.accept=[\"few-units\"]"),
        ];
        for (section, set) in lines {
            let by_file = Recipe::parse(&format!("{SMALL}{section}\n"), "a.toml", &[]).unwrap();
            let by_set = Recipe::parse(SMALL, "a.toml", &[set.to_owned()]).unwrap();
            assert_eq!(by_file.table, by_set.table, "{set}");
        }
        let both = Recipe::parse(&format!("{SMALL}[sample]\nleast = 5\nmin-per-stratum = 6\n"), "a.toml", &[]);
        let message = both.unwrap_err().to_string();
        assert!(
            message.contains("a.toml, line 5, column 1: [sample] has least, an old name, beside min-per-stratum"),
            "{message}"
        );
    }

    #[test]
    fn the_template_is_a_valid_recipe() {
        Recipe::parse(TEMPLATE, "template", &[]).unwrap();
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let text = format!("{SMALL}[train]\nepochz = 3\n");
        let message = Recipe::parse(&text, "r.toml", &[]).unwrap_err().to_string();
        assert!(message.starts_with("r.toml, line 5, column 1: unknown field `epochz`"), "{message}");
    }

    #[test]
    fn an_ill_typed_value_is_refused_with_its_place() {
        let text = "format = \"areal-recipe/1\"\nseed = \"one\"\n[scenes]\n";
        let message = Recipe::parse(text, "r.toml", &[]).unwrap_err().to_string();
        let expected =
            "r.toml, line 2, column 8: invalid type: string \"one\", expected a whole number of 0 or more\n    seed";
        assert!(message.starts_with(expected), "{message}");
    }

    /// "expected usize" was told to people who write no Rust.
    #[test]
    fn no_key_of_a_recipe_is_told_the_name_of_a_type() {
        let types = ["usize", "u64", "u32", "u8", "i64", "f64", "f32", "struct", "enum", "variant", "sequence", "map,"];
        let sections = ["tile", "train", "evaluate", "predict", "explain", "aggregate", "sample", "estimate", "report"];
        for section in sections {
            for key in keys_of(section) {
                for value in ["{ a = 1 }", "[[1]]", "-7.5"] {
                    let text = format!("{SMALL}[{section}]\n{key} = {value}\n");
                    let Err(error) = Recipe::parse(&text, "r", &[]) else { continue };
                    let message = error.to_string().lines().next().unwrap().to_owned();
                    let words = message.split_once("expected ").map_or("", |(_, words)| words);
                    let named = types.iter().find(|name| words.split_whitespace().any(|word| word == **name));
                    assert!(named.is_none(), "[{section}] {key} = {value}: {message}");
                }
            }
        }
    }

    /// The keys that a section may have, as the error of an unknown one lists them.
    fn keys_of(section: &str) -> Vec<String> {
        let text = format!("{SMALL}[{section}]\nno-such-key = 1\n");
        let message = Recipe::parse(&text, "r", &[]).unwrap_err().to_string();
        let line = message.lines().next().unwrap();
        let keys: Vec<String> = line.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        assert!(keys.len() > 2, "{message}");
        keys
    }

    #[test]
    fn a_value_set_on_the_command_line_wins_and_is_checked() {
        let recipe = Recipe::parse(SMALL, "r", &["seed=7".into(), "device=cpu".into()]).unwrap();
        assert_eq!(recipe.table["seed"].as_integer(), Some(7));
        assert_eq!(recipe.table["device"].as_str(), Some("cpu"));
        assert!(Recipe::parse(SMALL, "r", &["sed=7".into()]).unwrap_err().to_string().contains("unknown field `sed`"));
        assert!(Recipe::parse(SMALL, "r", &["seed".into()]).unwrap_err().to_string().contains("KEY=VALUE"));
        assert!(Recipe::parse(SMALL, "r", &["a = 1\nb=2".into()]).is_err());
    }

    #[test]
    fn a_scene_name_cannot_lead_out_of_the_working_folder() {
        for bad in ["../../evil", "/abs", ".", "a/b", ""] {
            let text = SMALL.replace("a = [", &format!("\"{bad}\" = ["));
            let message = Recipe::parse(&text, "r", &[]).unwrap_err().to_string();
            assert!(message.starts_with("r, line 3, column 1: [scenes] has the name"), "{message}");
        }
    }

    #[test]
    fn a_scene_that_is_not_there_is_named() {
        let text = SMALL.replace("[scenes]", "predict-scenes = [\"b\"]\n[scenes]");
        let message = Recipe::parse(&text, "r", &[]).unwrap_err().to_string();
        assert!(message.starts_with("r, line 2, column 19: predict-scenes names the scene \"b\""), "{message}");
    }
}
