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

/// Makes comments of keys of a section of the template, or, in the section "", of the heads of sections.
pub fn leave_out(text: &str, section: &str, keys: &[&str]) -> String {
    let mut within = section.is_empty();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.trim_start_matches("# ").strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            within = section.is_empty() || name == section;
        }
        let is_key = |key: &str| line == key || line.split_once('=').is_some_and(|(name, _)| name.trim_end() == key);
        let comment = within && keys.iter().any(|key| is_key(key));
        lines.push(if comment { format!("# {line}") } else { line.to_owned() });
    }
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
        let out = leave_out(&leave_out(text, "", &["[s]"]), "s", &["a"]);
        assert_eq!(out, "a = 1 # x\n# [s]\n# a = 2  # why\n# b = 3\n[t]\na = 4\n");
        assert_eq!(set_to("t", "a"), "a = 1 # x\n[s]\na = 2  # why\n# b = 3\n[t]\na = 9\n");
    }
}
