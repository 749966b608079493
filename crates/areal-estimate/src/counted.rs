//! Numbers of things in messages.

use std::fmt::Display;

/// `1 unit`, `2 units`, `2 classes`, `2 patches`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let plural = match noun {
        _ if n == N::from(1) => "",
        _ if ["s", "tch", "sh", "x"].iter().any(|end| noun.ends_with(end)) => "es",
        _ => "s",
    };
    format!("{n} {noun}{plural}")
}

/// `1 unit lies`, `2 units lie`: the verb as of one and of several.
pub fn counted_do<N: Copy + Display + PartialEq + From<u8>>(n: N, noun: &str, [one, several]: [&str; 2]) -> String {
    let verb = if n == N::from(1) { one } else { several };
    format!("{} {verb}", counted(n, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "1 labels are not numbers", "areas of 1 zones".
    #[test]
    fn one_is_not_several() {
        assert_eq!(
            [
                counted(1u64, "label"),
                counted(0usize, "label"),
                counted(2, "class"),
                counted(2, "patch"),
                counted(2, "epoch")
            ],
            ["1 label", "0 labels", "2 classes", "2 patches", "2 epochs"]
        );
        assert_eq!(counted_do(1usize, "unit", ["lies", "lie"]), "1 unit lies");
        assert_eq!(counted_do(51usize, "unit", ["lies", "lie"]), "51 units lie");
    }
}
