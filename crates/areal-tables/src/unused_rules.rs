//! Rules for codes that apply to nothing in the data: most often a slip in a code.

use std::collections::BTreeSet;

use crate::CodeRule;

/// Says which rules (`--map`) have no code in the data; `seen` holds the codes that occur and that some rule names, `of` what has
/// the codes, such as `cell`. A rule for all other codes (`*`) is for what may be left, so it is never named.
pub fn warn_of_unused_rules(whose: &str, of: &str, rules: &[CodeRule], seen: &BTreeSet<i64>) {
    let unused = unused_rules(rules, seen);
    let quoted: Vec<String> = unused.iter().map(|rule| format!("\"{}\"", String::from((*rule).clone()))).collect();
    match &quoted[..] {
        [] => {}
        [only] => {
            tracing::warn!(
                "{whose}: the --map rule {only} applies to nothing: no {of} that was read has one of its codes"
            );
        }
        all => tracing::warn!(
            "{whose}: {} --map rules apply to nothing: no {of} that was read has one of their codes: {}",
            all.len(),
            all.join(", ")
        ),
    }
}

fn unused_rules<'a>(rules: &'a [CodeRule], seen: &BTreeSet<i64>) -> Vec<&'a CodeRule> {
    rules
        .iter()
        .filter(|rule| rule.ranges().is_some_and(|mut all| all.all(|r| seen.range(r).next().is_none())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_unused_where_none_of_its_codes_occurs() {
        let rules: Vec<CodeRule> =
            ["311,312,313=forest", "111-142=built-up", "5=water", "*=other"].map(|text| text.parse().unwrap()).into();
        let unused = |seen: &[i64]| {
            let texts = unused_rules(&rules, &seen.iter().copied().collect()).into_iter().cloned().map(String::from);
            texts.collect::<Vec<_>>()
        };
        assert_eq!(unused(&[313, 120]), ["5=water"]);
        assert_eq!(unused(&[310, 314, 110, 143, 5]), ["311,312,313=forest", "111-142=built-up"]);
        assert_eq!(unused(&[311, 142, 5]), [""; 0]);
    }
}
