//! Notes and warnings on figures.

use crate::number::{number, percent};
use crate::{AreaSection, Confusion, Report, Zone};

/// What a reader should know before using a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub(crate) level: NoteKind,
    /// A sentence or two.
    pub text: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoteKind {
    /// Information.
    Remark,
    /// May make a figure wrong.
    Warning,
}

impl Note {
    pub fn remark(text: impl Into<String>) -> Self {
        Self { level: NoteKind::Remark, text: text.into() }
    }

    pub fn warning(text: impl Into<String>) -> Self {
        Self { level: NoteKind::Warning, text: text.into() }
    }
}

/// Zones that lack more than this share of their observation are named.
const MUCH_UNOBSERVED: f64 = 0.1;
/// Classes found less often than this, or right less often when predicted, are named.
const POOR: f64 = 0.6;
/// So many names are given; the rest are counted.
const NAMED: usize = 6;

/// What the report's own numbers give cause to say.
pub(crate) fn derived(report: &Report) -> Vec<Note> {
    let mut notes: Vec<Note> = report.areas.iter().flat_map(area_notes).collect();
    notes.extend(report.confusions.iter().flat_map(class_notes));
    if report.areas.iter().any(|a| a.columns.iter().any(|c| c.measure == "class_area")) {
        notes.push(Note::remark(
            "Class areas are mapped areas: they are summed from the map and include its errors. If a class is often \
             confused, its mapped area is biased. An estimate from a reference sample has a known error and \
             corrects for that.",
        ));
    }
    notes.sort_by_key(|n| n.level == NoteKind::Remark);
    notes
}

fn area_notes(section: &AreaSection) -> Vec<Note> {
    let mut notes = Vec::new();
    let (observed, unobserved) = (section.total("observed_area"), section.total("unobserved_area"));
    let outside = section.total("outside_area");
    let all = observed + unobserved + outside;
    if all > 0.0 {
        notes.push(Note::remark(format!(
            "{}: {} of the zones' area is observed; {} km² on the map are unobserved, and {} km² lie outside it.",
            section.name,
            percent(observed / all),
            number(unobserved, 2),
            number(outside, 2)
        )));
    }
    for (state, what) in [("outside", "outside the map"), ("partial", "partly outside the map")] {
        let zones: Vec<&str> = section.zones.iter().filter(|z| z.state == state).map(Zone::label).collect();
        if !zones.is_empty() {
            notes.push(Note::warning(format!("{}: zones {what}: {}.", section.name, listed(&zones))));
        }
    }
    let poor = poorly_observed(section);
    if !poor.is_empty() {
        let text = format!(
            "{}: zones with more than {} of their area on the map unobserved: {}.",
            section.name,
            percent(MUCH_UNOBSERVED),
            listed(&poor)
        );
        notes.push(Note::warning(text));
    }
    notes
}

fn poorly_observed(section: &AreaSection) -> Vec<&str> {
    let place = |measure: &str| section.columns.iter().position(|c| c.measure == measure);
    let (Some(seen), Some(unseen)) = (place("observed_area"), place("unobserved_area")) else { return Vec::new() };
    let is_poor = |row: &[Option<f64>]| {
        let (seen, unseen) = (row[seen].unwrap_or(0.0), row[unseen].unwrap_or(0.0));
        unseen > MUCH_UNOBSERVED * (seen + unseen)
    };
    section.zones.iter().zip(&section.values).filter(|(_, row)| is_poor(row)).map(|(z, _)| z.label()).collect()
}

fn class_notes(confusion: &Confusion) -> Vec<Note> {
    let mut notes = Vec::new();
    for (k, class) in confusion.classes.iter().enumerate() {
        let (recall, precision) = (confusion.recall(k), confusion.precision(k));
        let weak = |v: Option<f64>| v.is_some_and(|v| v < POOR);
        if recall.is_none() {
            let text =
                format!("{}: class \"{class}\" has no reference patch, so its accuracy is unknown.", confusion.name);
            notes.push(Note::warning(text));
        } else if weak(recall) || weak(precision) {
            let text = |v: Option<f64>| v.map_or_else(|| "none".to_owned(), percent);
            notes.push(Note::warning(format!(
                "{}: class \"{class}\" has low accuracy: recall {}, precision {}.",
                confusion.name,
                text(recall),
                text(precision)
            )));
        }
    }
    notes
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}
