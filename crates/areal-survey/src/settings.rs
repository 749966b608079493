//! Settings as they are recorded in documents.

use serde::Serialize;
use serde_json::Value;

pub(crate) fn as_json<T: Serialize>(settings: &T) -> Value {
    serde_json::to_value(settings).expect("paths were checked to be UTF-8, and all keys are text")
}

/// An object without its empty entries: what was not set and has no default.
pub(crate) fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let empty = |v: &Value| v.is_null() || v.as_array().is_some_and(Vec::is_empty);
            map.into_iter().filter(|(_, v)| !empty(v)).collect()
        }
        other => other,
    }
}
