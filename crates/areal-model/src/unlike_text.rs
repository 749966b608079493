//! The warning of data that are unlike the training data, with the flags that mend a known cause.

use areal_formats::{BandQuantiles, ModelSpec, conversion_flags};
use areal_grid::Scaling;

use crate::{Cause, Unlike, unlike_training};

/// Bands that are named in a warning.
const NAMED: usize = 3;

/// Data whose bands are compared with those of the training.
#[derive(Debug, Clone)]
pub struct BandsOf<'a> {
    /// What the data are, as a message begins: `the scene`.
    pub what: &'a str,
    /// What to do with the flags that mend a known cause, as a message goes on: `pass`.
    pub remedy: &'a str,
    /// What makes the values from the stored ones, by band, where that is given.
    pub conversion: Option<Vec<Scaling>>,
    pub quantiles: Vec<BandQuantiles>,
}

impl BandsOf<'_> {
    /// How the data are unlike the training data, the likely cause, and the flags that mend it; none where they are alike.
    pub fn unlike(&self, spec: &ModelSpec) -> Option<String> {
        let unlike = unlike_training(&spec.band_quantiles, &self.quantiles)?;
        let band = |b: &usize| {
            let (t, s) = (&spec.band_quantiles[*b], &self.quantiles[*b]);
            let (name, from, to) = (&spec.bands[*b], t.p05, t.p95);
            format!("{name} has a median of {} (in training {}, nine tenths from {from} to {to})", s.p50, t.p50)
        };
        let named: Vec<String> = unlike.bands.iter().take(NAMED).map(band).collect();
        let others = unlike.bands.len().saturating_sub(NAMED);
        let others = if others > 0 { format!("; so do {others} more") } else { String::new() };
        let (what, named) = (self.what, named.join("; "));
        Some(format!("{what} unlike the training scenes: band {named}{others}. {}", self.cause(spec, &unlike)))
    }

    fn cause(&self, spec: &ModelSpec, unlike: &Unlike) -> String {
        let Some(cause) = unlike.cause else {
            return "The model has not seen such ground or such a product, and its map may be wrong".to_owned();
        };
        let all = unlike.changed.len() == spec.bands.len();
        let of: Vec<&str> = unlike.changed.iter().map(|b| spec.bands[*b].as_str()).collect();
        let of = if all { String::new() } else { format!(" of {}", of.join(", ")) };
        let said = match cause {
            Cause::Offset(offset) => format!(
                "The values{of} are about {} {}. Sentinel-2 products from processing baseline 04.00 (January 2022) on are 1000 higher \
                 than earlier ones",
                offset.abs(),
                if offset > 0.0 { "higher" } else { "lower" }
            ),
            Cause::Scale(scale) => format!(
                "The values{of} are about {scale} times as large: reflectance is stored in another unit than in the training scenes"
            ),
        };
        let given = |b: usize| self.conversion.as_ref().map_or(Scaling::default(), |given| given[b]);
        let made = |b: usize| if unlike.changed.contains(&b) { cause.undone(given(b)) } else { given(b) };
        let flags = conversion_flags(&(0..spec.bands.len()).map(made).collect::<Vec<_>>());
        format!("{said}. To bring both to the same values, {} {flags}", self.remedy)
    }
}
