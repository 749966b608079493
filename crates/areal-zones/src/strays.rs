//! Values that seem to stand for no data and were not declared as such, found while a map is read.

use areal_formats::counted;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use areal_grid::Extremes;
use areal_tables::warn_of_unused_rules;

use crate::map_reader::MapReader;
use crate::{Layers, Map, ZoneTally};

/// Extremes of what was read, as stored.
#[derive(Default)]
pub(crate) struct ReaderExtremes {
    /// Of each band of values.
    bands: Vec<Extremes>,
    /// Class codes in the file that a legend or rule names.
    codes: BTreeSet<i64>,
    weights: Extremes,
    /// Amounts of the weights raster without a place on the map.
    dropped: BTreeMap<[usize; 2], f64>,
}

impl ReaderExtremes {
    /// Merges the extremes seen by one reader.
    pub(crate) fn merge(&mut self, reader: &MapReader) {
        self.bands.resize(reader.seen.len().max(self.bands.len()), Extremes::default());
        self.bands.iter_mut().zip(&reader.seen).for_each(|(all, own)| all.merge(own));
        self.codes.extend(&reader.codes);
        if let Some(weights) = &reader.weights {
            self.weights.merge(&weights.seen);
            self.dropped.extend(&weights.dropped);
        }
    }

    /// Takes in what was seen of the weights while another map was read.
    pub(crate) fn merge_weights(&mut self, other: &Self) {
        self.weights.merge(&other.weights);
    }

    /// Reports an amount that seems to stand for no data and is counted.
    pub(crate) fn say_weights(&self, path: &Path) {
        if let Some(stray) = self.weights.stray() {
            let (path, value) = (path.display(), stray.text());
            tracing::warn!(
                "{path}: the weights raster holds {value}, far from all other amounts, and it counts as one; if it stands for no data, \
                 pass --weights-nodata={value}"
            );
        }
    }

    /// Reports what seems to stand for no data and is counted.
    pub(crate) fn say(&self, map: &Map, whole: &ZoneTally) {
        let path = map.path.display();
        if let Layers::Values { bands, .. } = &map.layers {
            for (band, stray) in bands.iter().zip(&self.bands).filter_map(|(band, seen)| Some((band, seen.stray()?))) {
                tracing::warn!(
                    "{path}: band {} holds {} in {}, far from all other values, and it counts as a value; if it stands for no \
                     data, pass --nodata={}",
                    band.number,
                    stray.text(),
                    counted(stray.count, "cell"),
                    stray.text()
                );
            }
        }
        if !self.dropped.is_empty() {
            tracing::warn!(
                "{} of the weights raster where {} ends or is cut are left out, with an amount of {}",
                counted(self.dropped.len(), "cell"),
                map.grid.crs.name,
                self.dropped.values().sum::<f64>()
            );
        }
        if let Layers::Classes { legend, recoding, .. } = &map.layers
            && !recoding.is_empty()
        {
            let is_named = |code: &i64| legend.iter().any(|(named, _)| named == code);
            let unnamed: Vec<String> =
                whole.class_areas.keys().filter(|code| !is_named(code)).map(i64::to_string).collect();
            if !unnamed.is_empty() {
                let (count, codes) = (counted(unnamed.len(), "code"), unnamed.join(", "));
                let said = if recoding.listed { "the legend has no class for" } else { "no --map rule covers" };
                tracing::warn!("{path}: {said} {count}: {codes}");
            }
        }
        let Layers::Classes { recoding, .. } = &map.layers else { return };
        warn_of_unused_rules(&path.to_string(), "cell", &recoding.rules, &self.codes);
        let is_given = |code: i64| recoding.codes().any(|given| given == code);
        for (code, area) in whole.class_areas.iter().filter(|(code, _)| **code < 0 && !is_given(**code)) {
            tracing::warn!(
                "{path}: code {code} is counted as a class ({:.6} km2); if it means no data, pass --nodata={code}",
                area / 1e6
            );
        }
    }
}
