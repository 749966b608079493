//! What `areal tile` prints of a patch store.

use areal_formats::StoreMeta;

use crate::columns::{cell, width};

pub(super) fn print_json(meta: &StoreMeta) {
    outln!("{:#}", serde_json::json!({ "counts": meta.counts, "target": meta.target }));
}

pub(super) fn print_table(meta: &StoreMeta) {
    let counts = &meta.counts;
    let wide = width(counts.labels.iter().map(|row| row.label.as_str()).chain(["dropped"]));
    let line = |label: &str, [a, b, c]: [u64; 3]| {
        outln!("{:wide$}  {a:>8}  {b:>10}  {c:>8}  {:>8}", cell(label), a + b + c);
    };
    outln!("{:wide$}  {:>8}  {:>10}  {:>8}  {:>8}", "label", "train", "validation", "test", "all");
    for row in &counts.labels {
        line(&row.label, row.by_split());
    }
    if counts.labels.len() > 1 {
        let sum = |i: usize| counts.labels.iter().map(|row| row.by_split()[i]).sum();
        line("all", [sum(0), sum(1), sum(2)]);
    }
    for drop in &counts.dropped {
        outln!("dropped {:>8}  {}", drop.patches, drop.reason);
    }
}
