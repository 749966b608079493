//! `areal compare`: what changed between two vintages of estimates.

use std::path::PathBuf;

use areal_estimate::counted_do;
use areal_survey::{CompareSettings, RevisionRow, compare, write_revisions};
use clap::Args;

use crate::context::Context;
use crate::errors::CliError;
use crate::options::OVERWRITE;
use crate::survey::{print_aligned, zone_label};

/// Compare two vintages of estimates row by row and test each change against the sampling error.
///
/// Only estimates of the same ground are compared: what one of the maps does not predict, as under clouds, is no change. Where the
/// maps or a zone differ in predicted area, those estimates are left out, with both areas. The tables hold totals and do not say where the ground
/// lies, so that no part of them can be compared. To compare the ground that both maps predict, make it a layer of polygons and estimate both
/// vintages with --zones on it.
///
/// The interval of a change, and its p-value, follow from the intervals of both estimates, not from their standard errors: a class of which nothing was
/// found has a wide interval, whatever its standard error (Zou and Donner 2008).
///
/// The p-value of a row is for that row alone. Significance uses Holm's correction for the number of rows. If no zone
/// has changed, the probability of any false alarm is then at most one in twenty for the whole comparison, at the
/// default level.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  areal compare 2024/estimates 2025/estimates --out revisions.csv")]
pub struct Options {
    /// Folder of the older estimates.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Folder of the newer estimates.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// CSV file to write, with FILE-metadata.json (CSV on the Web) in the same folder. The table is also printed to
    /// stdout.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Correlation between the errors of the two samples: 0 for independent samples, positive if the same units were
    /// labelled for both.
    #[arg(long, allow_negative_numbers = true, value_name = "R", default_value_t = CompareSettings::default().correlation)]
    pub correlation: f64,
    /// Confidence level of intervals and tests.
    #[arg(long, value_name = "FRACTION", default_value_t = CompareSettings::default().level)]
    pub level: f64,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
}

impl Options {
    /// The settings: what was said, over the defaults.
    fn settings(&self) -> CompareSettings {
        CompareSettings {
            old: self.old.clone(),
            new: self.new.clone(),
            correlation: self.correlation,
            level: self.level,
        }
    }
}

pub fn run(options: &Options, _context: &Context) -> Result<(), CliError> {
    let settings = options.settings();
    super::estimate::check_level(settings.level)?;
    let found = compare(&settings)?;
    for (count, why) in found.not_compared.counts() {
        tracing::warn!("{} not compared: {why}", counted_do(count, "estimate", ["is", "are"]));
    }
    for (population, zone, class) in &found.not_compared.without_width {
        tracing::warn!(
            "{class} in {}: not compared, because one of its intervals has no width, and the error is not known",
            zone_label(*population, zone)
        );
    }
    for ground in &found.other_ground {
        tracing::warn!(
            "{}: not compared, because the older estimates cover {:.3} km2 of it and the newer ones {:.3} km2",
            zone_label(ground.population, &ground.zone_id),
            ground.old_km2,
            ground.new_km2
        );
    }
    if let Some(path) = &options.out {
        write_revisions(path, options.overwrite, &found.rows)?;
    }
    print(&found.rows);
    Ok(())
}

fn print(rows: &[RevisionRow]) {
    let of = |side: &str, period: fn(&RevisionRow) -> &str| match rows.first().map_or("", period) {
        "" => side.to_owned(),
        period => format!("{side} ({period})"),
    };
    let (old, new) = (of("old", |r| &r.old_period), of("new", |r| &r.new_period));
    let head =
        ["zone", "code", "class", &old, "error", "n", &new, "error", "n", "change", "low", "high", "p", "significant"];
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_owned()).collect()];
    for r in rows {
        lines.push(vec![
            zone_label(r.population, &r.zone_id),
            r.class_code.map_or_else(|| "-".to_owned(), |code| code.to_string()),
            r.class_name.clone(),
            format!("{:.4}", r.old),
            format!("{:.4}", r.old_standard_error),
            r.old_n.to_string(),
            format!("{:.4}", r.new),
            format!("{:.4}", r.new_standard_error),
            r.new_n.to_string(),
            format!("{:.4}", r.difference),
            format!("{:.4}", r.low),
            format!("{:.4}", r.high),
            format!("{:.4}", r.p_value),
            if r.significant { "yes" } else { "no" }.to_owned(),
        ]);
    }
    print_aligned(&lines);
}
