//! The recipe that `areal init` writes.

/// A commented recipe with every stage.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Sets a key of a section in the text of the template: its value is replaced, also where the line is a comment. What the line
/// says about the key stays.
pub fn set(text: &str, section: &str, key: &str, value: &toml::Value) -> String {
    let mut within = section.is_empty();
    let mut done = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            within = name == section;
        }
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_key = bare.split_once('=').is_some_and(|(name, _)| name.trim_end() == key);
        if within && is_key && !done {
            done = true;
            let comment = bare.find("  #").map_or("", |at| bare[at..].trim_start());
            let new = format!("{key} = {value}");
            lines.push(if comment.is_empty() { new } else { format!("{new:<24} {comment}") });
        } else {
            lines.push(line.to_owned());
        }
    }
    assert!(done, "the template has {key} in [{section}]");
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_set_where_it_stands_and_keeps_its_comment() {
        let text = "a = 1 # x\n[s]\na = 2  # why\n# b = 3\n[t]\na = 4\n";
        let set_to = |section: &str, key: &str| set(text, section, key, &toml::Value::Integer(9));
        assert_eq!(set_to("s", "a"), format!("a = 1 # x\n[s]\n{:<24} # why\n# b = 3\n[t]\na = 4\n", "a = 9"));
        assert_eq!(set_to("s", "b"), "a = 1 # x\n[s]\na = 2  # why\nb = 9\n[t]\na = 4\n");
        assert_eq!(set_to("t", "a"), "a = 1 # x\n[s]\na = 2  # why\n# b = 3\n[t]\na = 9\n");
    }
}
