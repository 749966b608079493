//! Settings in layers: a recipe's section below, flags above. Flags and recipe keys are one struct, so they cannot
//! drift apart.

use areal_job::plain_words;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::errors::{CliError, Exit};

/// Merges `above` into `below`: values in `above` win, and nested tables are merged.
pub fn overlay(below: Table, above: Table) -> Table {
    let mut result = below;
    for (key, value) in above {
        match (result.remove(&key), value) {
            (Some(Value::Table(a)), Value::Table(b)) => result.insert(key, Value::Table(overlay(a, b))),
            (_, value) => result.insert(key, value),
        };
    }
    result
}

/// The options a person set, as a table: unset options (`None`, empty lists, empty tables) are left out.
pub fn to_table<T: Serialize>(options: &T) -> Result<Table, CliError> {
    let mut table = Table::try_from(options)
        .map_err(|e| CliError::new(Exit::Usage, format!("the settings cannot be written as TOML: {e}")))?;
    prune(&mut table);
    Ok(table)
}

fn prune(table: &mut Table) {
    table.retain(|_, value| match value {
        Value::Array(items) => !items.is_empty(),
        Value::Table(inner) => {
            prune(inner);
            !inner.is_empty()
        }
        _ => true,
    });
}

/// Options from a table.
pub fn from_table<T: DeserializeOwned>(table: Table, section: &str) -> Result<T, CliError> {
    table
        .try_into()
        .map_err(|e: toml::de::Error| CliError::new(Exit::Usage, format!("[{section}]: {}", plain_words(e.message()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_above_wins_key_by_key() {
        let below: Table = toml::from_str("a = 1\nb = 2\n[t]\nx = 1\ny = 2").unwrap();
        let above: Table = toml::from_str("b = 3\n[t]\ny = 4").unwrap();
        let both: Table = toml::from_str("a = 1\nb = 3\n[t]\nx = 1\ny = 4").unwrap();
        assert_eq!(overlay(below, above), both);
    }
}
