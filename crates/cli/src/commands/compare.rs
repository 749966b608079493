//! `areal compare`: what changed between two vintages of estimates.

use std::path::PathBuf;

use areal_estimate::{counted_do, significant};
use areal_survey::{CompareSettings, RevisionRow, Shared, compare, write_revisions};
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
    if let Some(shared) = found.shared.filter(|_| settings.correlation == 0.0) {
        tracing::warn!("{}", shared_text(shared));
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
    print(&found.rows, found.rounded_to);
    Ok(())
}

fn shared_text(shared: Shared) -> &'static str {
    match shared {
        Shared::Labels => {
            "both tables are estimated from the same labelled sample: their differences are not changes over time, and intervals and p-values, \
             which take the samples to be independent, do not hold for them"
        }
        Shared::Units => {
            "both tables are estimated from the same drawn units, so that their errors are correlated, but intervals and p-values take them to \
             be independent: with a positive correlation they are too wide. --correlation R takes it into account"
        }
    }
}

/// Decimals that numbers rounded to a step have; four where they are not rounded.
fn decimals(step: f64) -> usize {
    if step > 0.0 { step.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len()) } else { 4 }
}

fn print(rows: &[RevisionRow], rounded_to: [f64; 2]) {
    let [of_old, of_new] = rounded_to.map(decimals);
    // A difference has the digits of both.
    let both = of_old.min(of_new);
    // An error keeps two significant digits where these are finer than the step.
    let error = |error: f64, decimals: usize| match decimals {
        4 => format!("{error:.4}"),
        _ if error < 10f64.powi(1 - decimals as i32) => significant(error, 2).to_string(),
        _ => format!("{error:.decimals$}"),
    };
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
            format!("{:.of_old$}", r.old),
            error(r.old_standard_error, of_old),
            r.old_n.to_string(),
            format!("{:.of_new$}", r.new),
            error(r.new_standard_error, of_new),
            r.new_n.to_string(),
            format!("{:.both$}", r.difference),
            format!("{:.both$}", r.low),
            format!("{:.both$}", r.high),
            format!("{:.4}", r.p_value),
            if r.significant { "yes" } else { "no" }.to_owned(),
        ]);
    }
    print_aligned(&lines);
}
